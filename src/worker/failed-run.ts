/** What becomes of a run that did not succeed: tried again as the policy says, or its last word, FAILURE and what follows that. */

import type { Delivery, Outgoing } from "../port/broker.ts";
import type { DeadLetter } from "../port/queue-admin.ts";
import type { ResultWrite } from "../port/result-store.ts";
import type { RetryPolicy } from "../task/definition.ts";
import { retryDelay } from "../task/retry.ts";
import { celeryException, exceptionOf } from "../wire/exception.ts";
import { retryMessage } from "../wire/task-message.ts";
import { type Ending, ending, list, some } from "./ending.ts";
import { attemptRecord, type Execution, keepsResult } from "./execution.ts";
import { describe, type Failure, isRetried, verdict } from "./failure.ts";
import { arrivalsOf, failedAs, ownArrival, waitersOf } from "./arrival.ts";
import { followFailure, type FollowContext } from "./follow.ts";
import { failureMeta, retryMeta } from "./result-write.ts";
import type { TaskEnd } from "./task-end.ts";
import { letterOf, namesOf } from "./unrun.ts";

export interface SettlementContext extends FollowContext {
  /** `now` as results have it. */
  readonly done?: string | undefined;
  readonly worker: string;
  readonly resultTtl: number;
  readonly random: () => number;
}

/** How the process of a run ended. */
export interface ExitFacts {
  readonly exit: { readonly code: number | null; readonly signal: string | null };
  readonly stderrTail: string;
}

export function failed(context: SettlementContext, execution: Execution, failure: Failure, ms: number): Ending {
  const policy = execution.definition.retry;
  const text = describe(failure.exception);
  if (!policy || !isRetried(policy, failure)) {
    return final(context, execution, failure, { kind: "failed", ms, error: text }, text);
  }
  if (execution.headers.retries >= policy.limit) {
    return final(context, execution, failure, { kind: "dead", reason: "exhausted", detail: text }, text);
  }
  return again(context, execution, failure, policy);
}

/** Another try after the policy's wait. A policy that can't say how long allows none: it would fail so each time. */
export function again(context: SettlementContext, execution: Execution, failure: Failure, policy: RetryPolicy): Ending {
  const text = describe(failure.exception);
  let delay: number;
  try {
    delay = retryDelay(policy, execution.headers.retries + 1, context.random());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `${text}; and there is no other try, because its \`retry.delay\` threw: ${why}`;
    return final(context, execution, failure, { kind: "dead", reason: "exhausted", detail }, detail);
  }
  return retried(context, execution, failure, delay, text);
}

export function retried(
  context: SettlementContext,
  execution: Execution,
  failure: Failure,
  delay: number,
  text: string,
): Ending {
  const { delivery, headers, message, claim } = execution;
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
  const result = keepsResult(execution)
    ? retryMeta(headers, failure.exception, failure.traceback, claim.fence, context.now, context.resultTtl)
    : undefined;
  const record = attemptRecord(execution, context.worker, context.now, {
    exit: undefined,
    stderrTail: "",
    error: text,
  });
  return {
    ...ending(
      { delivery, then: { kind: "replace", next }, ...some("result", result), record },
      { kind: "retried", delay, error: text },
    ),
    failure,
  };
}

/** The last word on a failed task: FAILURE, error callbacks, the rest of its chain, and the dead letter if it became one. */
export function final(
  context: SettlementContext,
  execution: Execution,
  failure: Failure,
  end: TaskEnd,
  text: string,
  exit?: ExitFacts,
): Ending {
  const { delivery, headers, embed, definition, claim } = execution;
  const { fence } = claim;
  // A message that was acknowledged before its run is not there any more to be kept.
  if (end.kind === "dead" && definition.ack === "early") {
    return final(context, execution, failure, { kind: "failed", ms: 0, error: end.detail }, text, exit);
  }
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
  const result = keepsResult(execution) || dead ? write(headers.id, dead ? "dead" : undefined) : undefined;
  const record = attemptRecord(execution, context.worker, context.now, {
    exit: exit?.exit,
    stderrTail: exit?.stderrTail ?? "",
    error: failure.traceback ?? text,
  });
  const letter: DeadLetter | undefined = dead
    ? letterOf(delivery, headers, end.reason, end.detail, context.now)
    : undefined;
  const follow = followFailure(context, headers, embed);
  return {
    settlement: {
      delivery,
      then: letter ? { kind: "bury", letter } : { kind: "ack" },
      ...some("result", result),
      ...list("follow", follow.sends),
      ...list("arrive", arrivalsOf(headers, embed, failedAs(failure.exception))),
      record,
    },
    end,
    failure,
    also: waitersOf(embed).ids.map((id) => write(id)),
    ...list("opens", follow.opens),
  };
}

/**
 * For an end that can't be written: a follow-up with a name that no task can have, a header that JSON has no words for. It would be
 * so in every run, so the message is kept apart and its id fails.
 */
export function unwritable(context: SettlementContext, execution: Execution, error: unknown): Ending {
  const { name, message, code }: Error & { readonly code?: unknown } =
    error instanceof Error ? error : new Error(String(error));
  const detail = `how it ended cannot be written: ${message}`;
  const failure = verdict(exceptionOf({ name, message, code }));
  const bare = { ...execution, embed: { ...execution.embed, callbacks: null, errbacks: null } };
  return final(context, bare, failure, { kind: "dead", reason: "undecodable", detail }, detail);
}

/** The same for what intake meant to put back: it is kept as it came, where people look. */
export function unreturnable(delivery: Delivery, error: unknown, now: number): Ending {
  const detail = `it cannot be put back: ${error instanceof Error ? error.message : String(error)}`;
  const names = namesOf(delivery);
  const letter = letterOf(delivery, names, "undecodable", detail, now);
  const arrive = names ? ownArrival(names, undefined, failedAs(celeryException("DecodeError", detail))) : [];
  return ending(
    { delivery, then: { kind: "bury", letter }, ...list("arrive", arrive) },
    { kind: "dead", reason: "undecodable", detail },
  );
}
