/**
 * Which of the messages of an id comes later, as a ledger counts: each retry does, and what ends a workflow that took the task's place
 * under its id comes after all retries of that.
 */

import type { Start } from "../port/ledger.ts";
import { isNestingUnsaid, type TaskHeaders } from "../wire/task-message.ts";
import type { TaskEnd } from "./task-end.ts";

/** Between a task and what took its place. */
const mostRetries = 1_000_000;

export type Turn = Pick<Start, "attempt" | "unsaid">;

export function turnOf(headers: Pick<TaskHeaders, "retries" | "replacedTaskNesting" | "nestingUnsaid">): Turn {
  const { retries, replacedTaskNesting: nesting, nestingUnsaid: unsaid } = headers;
  const attempt = Math.min(nesting, mostRetries) * mostRetries + Math.min(retries, mostRetries - 2) + 1;
  return { attempt, ...(unsaid === true && { unsaid }) };
}

/** Of headers that nobody has read yet; what is no count is none. */
export function turnIn(headers: Readonly<Record<string, unknown>>): Turn {
  return turnOf({
    retries: countOf(headers["retries"]),
    replacedTaskNesting: countOf(headers["replaced_task_nesting"]),
    ...(isNestingUnsaid(headers) && { nestingUnsaid: true }),
  });
}

/** How a ledger is to know what goes on under the id of a run that ended so. */
export function openAs({ kind }: TaskEnd): "retried" | "replaced" | undefined {
  return kind === "retried" || kind === "replaced" ? kind : undefined;
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
