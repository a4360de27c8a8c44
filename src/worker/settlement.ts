/**
 * What becomes of an execution: its outcome turned into one settlement. Result, what follows and the queue's row are one
 * step in the broker, so nothing here may be half done.
 */

import type { PoolOutcome } from "../pool/pool.ts";
import type { WireError } from "../pool/pool-message.ts";
import { celeryException } from "../wire/exception.ts";
import { noEmbed } from "../wire/task-body.ts";
import { formatTimestamp } from "../wire/timestamp.ts";
import type { EarlierRun } from "./earlier-run.ts";
import { type Ending, ending, list, returned, some } from "./ending.ts";
import { attemptRecord, type Execution, keepsResult } from "./execution.ts";
import { again, type ExitFacts, failed, final, retried, type SettlementContext, unwritable } from "./failed-run.ts";
import { describe, failureOf, hardLimit, unusableInput, verdict } from "./failure.ts";
import { arrivalsOf, failedAs, finalStateOf, waitersOf } from "./arrival.ts";
import { followFailure, followSuccess, nothingFollows } from "./follow.ts";
import { replaced } from "./replacement.ts";
import { copiedFailureMeta, failureMeta, successMeta } from "./result-write.ts";
import { terminated } from "./terminated-run.ts";
import { letterOf } from "./unrun.ts";

/** Retries that `ctx.retry()` allows a task without a policy of its own; Celery's `max_retries`. */
const defaultRetries = 3;
const defaultRetryDelay = 180_000;
/** A century: a moment after that is none that a date can hold, or a mistake. */
const longestDelay = 100 * 365.25 * 86_400_000;
const acknowledged = { kind: "ack" } as const;
const nothing: readonly never[] = [];
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A moment as results have it; `undefined` before the first claim, which tells what time it is. */
export function doneAt(now: number): string | undefined {
  return Number.isFinite(now) ? formatTimestamp(now) : undefined;
}

/** Never throws: what can't be settled as it ended is kept as a dead letter. */
export function settlementOf(context: SettlementContext, execution: Execution, outcome: PoolOutcome): Ending {
  try {
    return decided(context, execution, outcome);
  } catch (error) {
    return unwritable(context, execution, error);
  }
}

function decided(context: SettlementContext, execution: Execution, outcome: PoolOutcome): Ending {
  if (execution.interrupted === "terminated") return terminated(context, execution);
  const interrupted = execution.interrupted === "shutdown" && outcome.k !== "value";
  if (interrupted && !beganOnlyOnce(execution, outcome)) return returned(execution, "shutdown");
  switch (outcome.k) {
    case "value":
      return success(context, execution, outcome);
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

/** A task that runs at most once and has begun: whatever became of it was its only run. */
function beganOnlyOnce({ definition }: Execution, outcome: PoolOutcome): boolean {
  return definition.ack === "early" && !(outcome.k === "lost" && !outcome.began);
}

type Value = Extract<PoolOutcome, { readonly k: "value" }>;

function success(context: SettlementContext, execution: Execution, value: Value): Ending {
  const { delivery, headers, embed, claim } = execution;
  const text = "text" in value ? value.text : undefined;
  const { ms } = value;
  if (embed === noEmbed && execution.children.length === 0) {
    const result = keepsResult(execution)
      ? successMeta(headers, text ?? value.bytes, [], claim.fence, context.now, context.resultTtl, context.done)
      : undefined;
    const settlement = { delivery, then: acknowledged, ...some("result", result) };
    return { settlement, end: { kind: "succeeded", ms }, value, also: nothing };
  }
  const { bytes } = value;
  const follow = followSuccess(context, headers, embed, text ?? decoder.decode(bytes));
  const children = [...execution.children, ...follow.children];
  const result = keepsResult(execution)
    ? successMeta(headers, bytes, children, claim.fence, context.now, context.resultTtl)
    : undefined;
  return {
    settlement: {
      delivery,
      then: { kind: "ack" },
      ...some("result", result),
      ...list("follow", follow.sends),
      ...list("arrive", arrivalsOf(headers, embed, { state: "SUCCESS", value: bytes })),
    },
    end: { kind: "succeeded", ms },
    value,
    also: [],
    ...list("opens", follow.opens),
  };
}

function thrown(context: SettlementContext, execution: Execution, error: WireError, ms: number): Ending {
  const failure = failureOf(error);
  const reason = unusableInput(error);
  if (reason === undefined) return failed(context, execution, failure, ms);
  return final(context, execution, failure, { kind: "dead", reason, detail: error.message }, error.message);
}

function lost(context: SettlementContext, execution: Execution, outcome: Extract<PoolOutcome, { k: "lost" }>): Ending {
  const { delivery, definition, claim } = execution;
  const { culprit, code, signal, stderrTail } = outcome;
  const once = beganOnlyOnce(execution, outcome);
  if (!outcome.began || (culprit === "bystander" && !once)) return returned(execution, "bystander");
  const exit: ExitFacts = { exit: { code, signal }, stderrTail };
  const how =
    signal !== null ? `with signal ${signal}` : code !== null ? `with exit code ${String(code)}` : "before it did";
  const text = `the process that ran it ended ${how}`;
  const crashes = claim.crashes + (culprit === "sure" ? 1 : 0);
  // Who asks for no second run after a death gets none after a death that may have been a neighbour's doing either.
  const spent = culprit === "sure" && crashes >= definition.crashes;
  if (once || spent || definition.onCrash === "fail") {
    const failure = verdict(celeryException("WorkerLostError", text));
    return final(context, execution, failure, { kind: "dead", reason: "crashed", detail: text }, text, exit);
  }
  const suspicions = claim.suspicions + (culprit === "suspect" ? 1 : 0);
  const record = attemptRecord(execution, context.worker, context.now, { ...exit, error: text });
  return ending(
    { delivery, then: { kind: "requeue", at: "front", crashes, suspicions }, record },
    { kind: "lost", culprit, error: text },
  );
}

function control(
  context: SettlementContext,
  execution: Execution,
  outcome: Extract<PoolOutcome, { k: "control" }>,
): Ending {
  const detail = controlDetail(outcome.detail);
  switch (outcome.what) {
    case "retry":
      return asked(context, execution, detail, outcome.ms);
    case "replace":
      return replaced(context, execution, outcome.detail, outcome.ms);
    case "reject":
      if (detail.requeue) {
        return ending(
          { delivery: execution.delivery, then: { kind: "requeue", at: "back" } },
          { kind: "returned", why: "rejected" },
        );
      }
      return rejected(context, execution, detail.reason);
    case "ignore":
      return ignored(context, execution, outcome.ms);
    default:
      return outcome.what satisfies never;
  }
}

/** Nothing is stored of it; but what waits for it would wait for ever, so there it counts as a failure. Celery tells nobody. */
function ignored(context: SettlementContext, execution: Execution, ms: number): Ending {
  const { delivery, headers, embed, claim } = execution;
  const error = celeryException("Ignore", "the task before it asked to store nothing");
  const { now, resultTtl } = context;
  return {
    settlement: {
      delivery,
      then: { kind: "ack" },
      ...list("arrive", arrivalsOf(headers, embed, failedAs(error))),
    },
    end: { kind: "ignored", ms },
    also: waitersOf(embed).ids.map((id) => failureMeta({ ...headers, id }, error, null, claim.fence, now, resultTtl)),
  };
}

interface ControlDetail {
  readonly delay: number | undefined;
  readonly limit: number | undefined;
  readonly error: WireError | undefined;
  readonly requeue: boolean;
  readonly reason: string;
}

/** What a decision says; it was thrown by user code, so anything may stand in it. */
function controlDetail(value: unknown): ControlDetail {
  const { delay, limit, error, requeue, reason } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return {
    delay: typeof delay === "number" && delay >= 0 && delay <= longestDelay ? delay : undefined,
    limit: typeof limit === "number" && limit >= 0 ? limit : undefined,
    error: typeof error === "object" && error !== null ? (error as WireError) : undefined,
    requeue: requeue === true,
    reason: typeof reason === "string" ? reason : "the task rejected it",
  };
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
    const kept = detail.error ? failure : verdict(celeryException("Retry", "asked by the task"));
    if (detail.delay === undefined && policy) return again(context, execution, kept, policy);
    return retried(context, execution, kept, detail.delay ?? defaultRetryDelay, describe(kept.exception));
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
  execution: Pick<Execution, "delivery" | "headers" | "embed" | "claim">,
  stored: Omit<Extract<EarlierRun, { kind: "final" }>, "kind">,
): Ending {
  const { delivery, headers, embed, claim } = execution;
  const { state, json, dead } = stored;
  try {
    if (json === undefined) throw new Error(`the ${state} that is stored for it cannot be read`);
    const final = finalStateOf(state) ?? "FAILURE";
    const end = { state: final, value: encoder.encode(json) };
    const follow =
      final === "SUCCESS"
        ? followSuccess(context, headers, embed, json)
        : final === "FAILURE"
          ? followFailure(context, headers, embed)
          : nothingFollows;
    const rest = final === "SUCCESS" ? [] : waitersOf(embed).ids;
    const { now, resultTtl } = context;
    return {
      settlement: {
        delivery,
        then: { kind: "ack" },
        ...list("follow", follow.sends),
        ...list("arrive", arrivalsOf(headers, embed, end)),
      },
      end: { kind: "final-before", state, ...some("dead", dead) },
      also: rest.map((id) => copiedFailureMeta({ ...headers, id }, final, json, claim.fence, now, resultTtl)),
      ...list("opens", follow.opens),
    };
  } catch (error) {
    // Its result stands; what should follow it can't be sent by anybody, so the message is kept where people look.
    const detail = `what follows it cannot be sent: ${error instanceof Error ? error.message : String(error)}`;
    const letter = letterOf(delivery, headers, "undecodable", detail, context.now);
    const { now, resultTtl } = context;
    const failure = celeryException("DecodeError", detail);
    return {
      settlement: {
        delivery,
        then: { kind: "bury", letter },
        ...list("arrive", arrivalsOf(headers, embed, failedAs(failure))),
      },
      end: { kind: "dead", reason: "undecodable", detail },
      also: waitersOf(embed).ids.map((id) =>
        failureMeta({ ...headers, id }, failure, null, claim.fence, now, resultTtl),
      ),
    };
  }
}
