/**
 * What becomes of an execution: its outcome turned into one settlement. Result, what follows and the queue's row are one
 * step in the broker, so nothing here may be half done.
 */

import type { Outgoing } from "../port/broker.ts";
import type { DeadLetter } from "../port/queue-admin.ts";
import type { ResultWrite } from "../port/result-store.ts";
import type { PoolOutcome } from "../pool/pool.ts";
import type { WireError } from "../pool/pool-message.ts";
import { retryDelay } from "../task/retry.ts";
import { celeryException } from "../wire/exception.ts";
import { retryMessage } from "../wire/task-message.ts";
import { type Ending, ending, list, returned, some } from "./ending.ts";
import { attemptRecord, type Execution } from "./execution.ts";
import { describe, type Failure, failureOf, hardLimit, isRetried, unusableInput, verdict } from "./failure.ts";
import { chainRestIds, followFailure, followSuccess, type FollowContext } from "./follow.ts";
import { letterOf } from "./intake.ts";
import { failureMeta, retryMeta, successMeta } from "./result-write.ts";
import type { TaskEnd } from "./task-end.ts";

export interface SettlementContext extends FollowContext {
  readonly worker: string;
  readonly resultTtl: number;
  readonly random: () => number;
}

/** Retries that `ctx.retry()` allows a task without a policy of its own; Celery's `max_retries`. */
const defaultRetries = 3;
const defaultRetryDelay = 180_000;
const decoder = new TextDecoder();

export function settlementOf(context: SettlementContext, execution: Execution, outcome: PoolOutcome): Ending {
  if (execution.interrupted === "shutdown" && outcome.k !== "value") return returned(execution, "shutdown");
  switch (outcome.k) {
    case "value":
      return success(context, execution, outcome.bytes, outcome.ms);
    case "error":
      return thrown(context, execution, outcome.error, outcome.ms);
    case "hard-limit":
      return failed(context, execution, hardLimit(outcome.limit), outcome.limit);
    case "lost":
      return lost(context, execution, outcome);
    case "control":
      return control(context, execution, outcome);
    default:
      return outcome satisfies never;
  }
}

function success(context: SettlementContext, execution: Execution, bytes: Uint8Array, ms: number): Ending {
  const { delivery, headers, embed } = execution;
  const follow = followSuccess(context, headers, embed, decoder.decode(bytes));
  const children = [...execution.children, ...idsOf(follow)];
  const result = stores(execution)
    ? successMeta(headers, bytes, children, delivery.fence, context.now, context.resultTtl)
    : undefined;
  return ending(
    { delivery, then: { kind: "ack" }, ...some("result", result), ...list("follow", follow) },
    { kind: "succeeded", ms },
  );
}

function thrown(context: SettlementContext, execution: Execution, error: WireError, ms: number): Ending {
  const failure = failureOf(error);
  const reason = unusableInput(error);
  if (reason === undefined) return failed(context, execution, failure, ms);
  return final(context, execution, failure, { kind: "dead", reason, detail: error.message }, error.message);
}

function failed(context: SettlementContext, execution: Execution, failure: Failure, ms: number): Ending {
  const policy = execution.definition.retry;
  const text = describe(failure.exception);
  if (policy && isRetried(policy, failure)) {
    const done = execution.headers.retries;
    if (done < policy.limit) {
      return retried(context, execution, failure, retryDelay(policy, done + 1, context.random()), text);
    }
    return final(context, execution, failure, { kind: "dead", reason: "exhausted", detail: text }, text);
  }
  return final(context, execution, failure, { kind: "failed", ms, error: text }, text);
}

function retried(
  context: SettlementContext,
  execution: Execution,
  failure: Failure,
  delay: number,
  text: string,
): Ending {
  const { delivery, headers, message } = execution;
  const due = delay > 0 ? Math.round(context.now + delay) : undefined;
  const next: Outgoing = {
    queue: delivery.queue,
    message: retryMessage(message, {
      retries: headers.retries + 1,
      eta: due,
      // Celery's rule: a retried root becomes its own parent.
      parentId: headers.parentId ?? headers.id,
    }),
    ...(due === undefined ? {} : { due }),
  };
  const result = stores(execution)
    ? retryMeta(headers, failure.exception, failure.traceback, delivery.fence, context.now, context.resultTtl)
    : undefined;
  const record = attemptRecord(execution, context.worker, context.now, {
    exit: undefined,
    stderrTail: "",
    error: text,
  });
  return ending(
    { delivery, then: { kind: "replace", next }, ...some("result", result), record },
    { kind: "retried", delay, error: text },
  );
}

/** The last word on a failed task: FAILURE, error callbacks, the rest of its chain, and the dead letter if it became one. */
function final(
  context: SettlementContext,
  execution: Execution,
  failure: Failure,
  end: TaskEnd,
  text: string,
  exit?: ExitFacts,
): Ending {
  const { delivery, headers, embed } = execution;
  const { fence } = delivery;
  const write = (id: string, outcome?: "dead"): ResultWrite =>
    failureMeta(
      { ...headers, id },
      failure.exception,
      failure.traceback,
      fence,
      context.now,
      context.resultTtl,
      outcome,
    );
  const dead = end.kind === "dead";
  const result = stores(execution) || dead ? write(headers.id, dead ? "dead" : undefined) : undefined;
  const record = attemptRecord(execution, context.worker, context.now, {
    exit: exit?.exit,
    stderrTail: exit?.stderrTail ?? "",
    error: failure.traceback ?? text,
  });
  const letter: DeadLetter | undefined = dead
    ? letterOf(delivery, headers, end.reason, end.detail, context.now)
    : undefined;
  return {
    settlement: {
      delivery,
      then: letter ? { kind: "bury", letter } : { kind: "ack" },
      ...some("result", result),
      ...list("follow", followFailure(context, headers, embed)),
      record,
    },
    end,
    before: chainRestIds(embed).map((id) => write(id)),
  };
}

interface ExitFacts {
  readonly exit: { readonly code: number | null; readonly signal: string | null };
  readonly stderrTail: string;
}

function lost(context: SettlementContext, execution: Execution, outcome: Extract<PoolOutcome, { k: "lost" }>): Ending {
  const { delivery, definition } = execution;
  if (!outcome.began || outcome.culprit === "bystander") return returned(execution, "bystander");
  const exit: ExitFacts = { exit: { code: outcome.code, signal: outcome.signal }, stderrTail: outcome.stderrTail };
  const how = outcome.signal ? `signal ${outcome.signal}` : `exit code ${String(outcome.code)}`;
  const text = `the process that ran it ended with ${how}`;
  const crashes = delivery.crashes + (outcome.culprit === "sure" ? 1 : 0);
  const budget = definition.onCrash === "fail" ? 1 : definition.crashes;
  if (crashes >= budget && outcome.culprit === "sure") {
    const failure = verdict(celeryException("WorkerLostError", text));
    return final(context, execution, failure, { kind: "dead", reason: "crashed", detail: text }, text, exit);
  }
  const suspicions = delivery.suspicions + (outcome.culprit === "suspect" ? 1 : 0);
  const record = attemptRecord(execution, context.worker, context.now, { ...exit, error: text });
  return ending(
    { delivery, then: { kind: "requeue", at: "front", crashes, suspicions }, record },
    { kind: "lost", culprit: outcome.culprit, error: text },
  );
}

function control(
  context: SettlementContext,
  execution: Execution,
  outcome: Extract<PoolOutcome, { k: "control" }>,
): Ending {
  const detail = outcome.detail as ControlDetail;
  switch (outcome.what) {
    case "retry":
      return asked(context, execution, detail, outcome.ms);
    case "reject":
      if (detail.requeue) {
        return ending(
          { delivery: execution.delivery, then: { kind: "requeue", at: "back" } },
          { kind: "returned", why: "rejected" },
        );
      }
      return rejected(context, execution, detail.reason ?? "the task rejected it");
    case "ignore":
      return ending({ delivery: execution.delivery, then: { kind: "ack" } }, { kind: "ignored", ms: outcome.ms });
    case "replace":
      // The runner offers no replace yet; a child that sends it speaks another version of this protocol.
      return rejected(context, execution, "the pool sent an outcome that this worker does not know");
    default:
      return outcome.what satisfies never;
  }
}

interface ControlDetail {
  readonly delay?: number | null;
  readonly limit?: number | null;
  readonly error?: WireError | null;
  readonly requeue?: boolean;
  readonly reason?: string | null;
}

function asked(context: SettlementContext, execution: Execution, detail: ControlDetail, ms: number): Ending {
  const policy = execution.definition.retry;
  const limit = detail.limit ?? policy?.limit ?? defaultRetries;
  const done = execution.headers.retries;
  const { task, id } = execution.headers;
  const exhausted = `Can't retry ${task}[${id}]: ${String(done)} retries were made`;
  const failure = detail.error
    ? failureOf(detail.error)
    : verdict(celeryException("MaxRetriesExceededError", exhausted));
  if (done < limit) {
    const delay = detail.delay ?? (policy ? retryDelay(policy, done + 1, context.random()) : defaultRetryDelay);
    const kept = detail.error ? failure : verdict(celeryException("Retry", "asked by the task"));
    return retried(context, execution, kept, delay, describe(kept.exception));
  }
  const text = describe(failure.exception);
  if (policy) return final(context, execution, failure, { kind: "dead", reason: "exhausted", detail: text }, text);
  return final(context, execution, failure, { kind: "failed", ms, error: text }, text);
}

function rejected(context: SettlementContext, execution: Execution, reason: string): Ending {
  const failure = verdict(celeryException("Reject", reason, false));
  return final(context, execution, failure, { kind: "dead", reason: "rejected", detail: reason }, reason);
}

/** A redelivered task whose result is final already: what follows it is sent (again), then it is acknowledged. */
export function settledBefore(
  context: SettlementContext,
  execution: Execution,
  stored: { readonly state: string; readonly json: string },
): Ending {
  const { delivery, headers, embed } = execution;
  const follow =
    stored.state === "SUCCESS"
      ? followSuccess(context, headers, embed, stored.json)
      : followFailure(context, headers, embed);
  return ending(
    { delivery, then: { kind: "ack" }, ...list("follow", follow) },
    { kind: "final-before", state: stored.state },
  );
}

function stores(execution: Execution): boolean {
  return !(execution.headers.ignoreResult ?? execution.definition.ignoreResult);
}

function idsOf(follow: readonly Outgoing[]): string[] {
  return follow.flatMap((one) => (one.dedupe ? [one.dedupe.id] : []));
}
