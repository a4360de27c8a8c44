/** From a stored task meta, ours or Python's, to what a caller sees of it. */

import type { CeleriacError } from "../error/celeriac-error.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import { isPlainObject } from "../task/input.ts";
import { readException } from "../wire/exception.ts";
import { decodeTaskMeta, isFinal, type TaskMeta } from "../wire/outcome.ts";
import { TaskFailedError, TaskRevokedError } from "./task-failure.ts";

/** Celery's states; a Python task may store others of its own. */
export type TaskState =
  | "PENDING"
  | "STARTED"
  | "PROGRESS"
  | "RETRY"
  | "SUCCESS"
  | "FAILURE"
  | "REVOKED"
  | (string & {});

/**
 * What `ctx.progress(done, total, note)` said last.
 *
 * @example
 * ```ts
 * const progress = await sent.progress();
 * if (progress !== undefined) console.log(`${progress.done} of ${progress.total ?? "?"}`);
 * ```
 */
export interface Progress {
  readonly done: number;
  readonly total: number | undefined;
  readonly note: string | undefined;
}

/**
 * What is stored about a task beside its result, as `details` gives it. The first six are there only if the worker stores extended results:
 * `createApp({ resultExtended: true })`, in Python `result_extended = True`.
 *
 * @example
 * ```ts
 * const details = await app.result("0190c2d2-7f00-7000-8000-000000000001").details();
 * console.log(details?.name, details?.args, details?.worker, details?.doneAt);
 * ```
 */
export interface TaskDetails {
  readonly name: string | undefined;
  readonly args: readonly unknown[] | undefined;
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly worker: string | undefined;
  /** How many runs there were before. */
  readonly retries: number | undefined;
  readonly queue: string | undefined;
  readonly state: TaskState;
  /** What was stored with a state that ends nothing, such as one of the task's own. */
  readonly meta: unknown;
  /** When it ended. */
  readonly doneAt: Date | undefined;
  /** Ids of the tasks that it sent. */
  readonly children: readonly string[];
  /** As text, in Python's form if Python ran it. */
  readonly traceback: string | undefined;
  /** Id of the task that sent it. */
  readonly parent: string | undefined;
  readonly group: string | undefined;
}

export interface ReadOutcome {
  readonly status: string;
  readonly final: boolean;
  readonly result: unknown;
  readonly error: CeleriacError | undefined;
}

/** The outcome with its error rebuilt. Throws MESSAGE_UNDECODABLE if what is stored is no task meta. */
export function readOutcome(outcome: StoredOutcome): ReadOutcome {
  const meta = decodeTaskMeta(outcome.meta);
  return { status: meta.status, final: isFinal(meta.status), result: meta.result, error: errorOf(outcome.id, meta) };
}

/** The report inside a stored state; `undefined` if it holds none. Reads Celery's usual `{current, total}` too. */
export function progressOf(outcome: StoredOutcome): Progress | undefined {
  if (isFinal(outcome.state)) return undefined;
  const { result } = decodeTaskMeta(outcome.meta);
  if (!isPlainObject(result)) return undefined;
  const done = result.done ?? result.current;
  if (typeof done !== "number") return undefined;
  return {
    done,
    total: typeof result.total === "number" ? result.total : undefined,
    note: typeof result.note === "string" ? result.note : undefined,
  };
}

export function detailsOf(outcome: StoredOutcome): TaskDetails {
  const { status, result, dateDone, children, traceback, parent, group, extended } = decodeTaskMeta(outcome.meta);
  const { name, args, kwargs, worker, retries, queue } = extended;
  return {
    name: textOf(name),
    args: Array.isArray(args) ? (args as readonly unknown[]) : undefined,
    kwargs: isPlainObject(kwargs) ? kwargs : undefined,
    worker: textOf(worker),
    retries: typeof retries === "number" ? retries : undefined,
    queue: textOf(queue),
    state: status,
    meta: isFinal(status) || status === "RETRY" ? undefined : result,
    doneAt: dateDone === null ? undefined : new Date(dateDone),
    children: (children ?? []).map(([[id]]) => id),
    traceback: traceback ?? undefined,
    parent,
    group,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function errorOf(id: string, meta: TaskMeta): CeleriacError | undefined {
  if (meta.status !== "FAILURE" && meta.status !== "REVOKED") return undefined;
  const { type, module, args, message, code } = readException(meta.result);
  if (meta.status === "REVOKED") return new TaskRevokedError(id, message === "" ? "revoked" : message);
  return new TaskFailedError(
    id,
    { type, module: module ?? undefined, args, message, traceback: meta.traceback ?? undefined, code },
    meta.celeriac?.outcome === "dead",
  );
}
