/** The one record that flows through the worker: intake makes it, the pool runs it, settlement ends it. */

import type { Stop } from "../clock/stop.ts";
import type { TerminateSignal } from "../control/facts.ts";
import type { Delivery } from "../port/broker.ts";
import type { AttemptRecord } from "../port/queue-admin.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { RunTrace } from "../task/telemetry.ts";
import type { Mask } from "../wire/cover.ts";
import type { Message } from "../wire/message.ts";
import type { ResultTuple } from "../wire/outcome.ts";
import type { Embed } from "../wire/task-body.ts";
import type { TaskHeaders } from "../wire/task-message.ts";

/** Whose word counts: the number of this claim, and what is known of earlier ones. The broker's, or the ledger's where it counts nothing. */
export type Claim = Pick<Delivery, "fence" | "crashes" | "suspicions">;

/** Why an execution was told to stop before it ended by itself. */
export type Interruption = "lease-lost" | "shutdown" | "terminated";

export interface Execution {
  readonly delivery: Delivery;
  readonly message: Message;
  readonly headers: TaskHeaders;
  readonly definition: TaskDefinition;
  /** `[args,kwargs]` as bytes: only the far side of the pool parses them. */
  readonly call: Uint8Array;
  readonly embed: Embed;
  claim: Claim;
  /** This start stands in the ledger, where there is one. */
  begun: boolean;
  /** Suspect of a crash: runs with nothing beside it. */
  readonly isolated: boolean;
  /** Aborts the run; the reason is an {@link Interruption}, "revoked" for one that is terminated. */
  readonly abort: Stop;
  /** What earlier runs kept; read only when there was an earlier run. */
  readonly checkpoints: readonly (readonly [name: string, value: string])[];
  /** What the handler started, for the stored `children`: tasks by their ids, groups as Celery's tuples. */
  readonly children: (string | ResultTuple)[];
  /** Monotonic ms of the claim, for giving back what waits too long. */
  readonly claimedAt: number;
  /** Number by which the pool knows it; 0 before it runs. */
  slot: number;
  /** Of its run, where the app is traced. */
  trace?: RunTrace;
  /** Unix ms when it went to the pool; 0 before. */
  startedAt: number;
  /** pid of the process that runs it, as far as known. */
  pid: number | undefined;
  interrupted: Interruption | undefined;
  /** Puts what nobody is to see over a text; made when it is first wanted, null where there is nothing. */
  mask?: Mask | null;
  /** With what it was asked to end last, if somebody did. */
  terminatedBy?: TerminateSignal;
  /** Taken off the queue before its run, which is its only one. */
  acknowledged: boolean;
  /** The ledger keeps its message under a lease of ours, and the broker has it no more. */
  kept: boolean;
}

/** 1 for the first run; Celery's `retries` plus one. */
export function attemptOf(execution: Execution): number {
  return execution.headers.retries + 1;
}

/** False if the call or the task asked to store nothing; Celery's rule, whose producers always say `false` in the header. */
export function keepsResult({ headers, definition }: Pick<Execution, "headers" | "definition">): boolean {
  return headers.ignoreResult !== true && !definition.ignoreResult;
}

/** What is kept of one run for the dead letters. */
export function attemptRecord(
  execution: Execution,
  worker: string,
  ended: number,
  end: Pick<AttemptRecord, "exit" | "stderrTail" | "error">,
): AttemptRecord {
  return {
    attempt: attemptOf(execution),
    worker,
    pid: execution.pid,
    started: execution.startedAt,
    ended,
    ...end,
  };
}
