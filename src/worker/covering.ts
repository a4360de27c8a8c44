/**
 * What of a running task is shown to nobody, by its declaration and by what its sender said. What a run tells (errors, lines of its log, last words of
 * its process) has those values put over before anything else of the worker sees it; the value that it returns goes on as it is.
 */

import type { PoolOutcome } from "../pool/pool.ts";
import type { Reply, WireError } from "../pool/pool-message.ts";
import { type Mask, maskJson, maskOf, pointersIn } from "../wire/cover.ts";
import { decodeCall } from "../wire/task-body.ts";
import type { Execution } from "./execution.ts";

type Covered = Pick<Execution, "definition" | "message" | "call"> & { mask?: Mask | null };

/** None for most tasks, which then cost this one look. */
export function pointersOf({ definition, message, call }: Covered): readonly string[] {
  const sent = pointersIn(message.headers);
  if (definition.redact === undefined) return sent;
  try {
    return [...sent, ...definition.redact(decodeCall(call))];
  } catch {
    return sent; // not read, so not shown
  }
}

/** `undefined` where nothing is to be covered. */
export function maskFor(execution: Covered): Mask | undefined {
  execution.mask ??= makeMask(execution) ?? null;
  return execution.mask ?? undefined;
}

function makeMask(execution: Covered): Mask | undefined {
  const pointers = pointersOf(execution);
  if (pointers.length === 0) return undefined;
  try {
    return maskOf(decodeCall(execution.call), pointers);
  } catch {
    return undefined;
  }
}

/** A line that a process wrote in which these run. */
export function coveredLine(running: Iterable<Covered>, text: string): string {
  let shown = text;
  for (const execution of running) shown = maskFor(execution)?.(shown) ?? shown;
  return shown;
}

export function coveredOutcome(execution: Covered, outcome: PoolOutcome): PoolOutcome {
  const mask = maskFor(execution);
  if (mask === undefined) return outcome;
  switch (outcome.k) {
    case "error":
      return { ...outcome, error: coveredError(outcome.error, mask) };
    case "lost":
      return { ...outcome, stderrTail: mask(outcome.stderrTail) };
    case "control":
      return { ...outcome, detail: coveredDetail(outcome, mask) };
    case "value":
    case "hard-limit":
      return outcome;
    default:
      return outcome satisfies never;
  }
}

/** What replaces a task is a call of its own, with its own parts to cover. */
function coveredDetail({ what, detail }: Extract<Reply, { readonly k: "control" }>, mask: Mask): unknown {
  if (what === "reject") {
    const { reason } = detail as { readonly reason: string | null };
    return { ...(detail as object), reason: reason === null ? null : mask(reason) };
  }
  if (what !== "retry") return detail;
  const { error } = detail as { readonly error: WireError | null };
  return { ...(detail as object), error: error === null ? null : coveredError(error, mask) };
}

function coveredError(error: WireError, mask: Mask): WireError {
  const { message, stack, args, cause } = error;
  return {
    ...error,
    message: mask(message),
    stack: mask(stack),
    args: args.map((argument) => coveredArgument(argument, mask)),
    cause: cause === null ? null : coveredError(cause, mask),
  };
}

function coveredArgument(argument: unknown, mask: Mask): unknown {
  if (typeof argument === "string") return mask(argument);
  if (argument === null || argument === undefined || typeof argument === "boolean") return argument;
  const json = JSON.stringify(argument, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  // What has nothing to cover keeps its own type: dates, big integers.
  return mask(json) === json ? argument : (JSON.parse(maskJson(json, mask)) as unknown);
}
