/**
 * Many tasks of a type in one call of their handler. Each stays a task of its own, with its id, lease, retry and result: what is gathered here are
 * runs that have begun, wherever their handler is called, and the last to come, or the time, calls it for all.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { TaskContext } from "./context.ts";
import type { AnyHandler } from "./definition.ts";
import { type Duration, durationMs } from "./duration.ts";
import { runningTask } from "./running.ts";

/**
 * How many tasks one call of the handler takes, and how long the first waits for the others.
 *
 * @example
 * ```ts
 * import type { BatchOptions } from "celeriac";
 * const rows: BatchOptions = { max: 500, maxWait: "200ms" };
 * ```
 */
export interface BatchOptions {
  /** Most in one call, 1 to 10 000. Tasks are gathered among those that run, so it is never more than a child has places. */
  readonly max: number;
  /** Longest wait of the first one for the others; part of its time limits. Default "50ms". */
  readonly maxWait?: Duration;
}

export interface BatchPolicy {
  readonly max: number;
  /** Milliseconds. */
  readonly maxWait: number;
}

/**
 * What became of one task of a batch: a value, or why there is none, which counts as thrown by it (an Error, `new Retry()`, `new Reject()`…).
 * The entries of `Promise.allSettled` are outcomes.
 *
 * @example
 * ```ts
 * import type { Outcome } from "celeriac";
 * const outcomes: Outcome<number>[] = [{ value: 7 }, { reason: new Error("no such row") }];
 * ```
 */
export type Outcome<R> = { readonly value: R } | { readonly reason: unknown };

/**
 * The second parameter of a handler that takes batches.
 *
 * @example
 * ```ts
 * import type { BatchContext } from "celeriac";
 * const store = async (rows: readonly string[], { items, signal }: BatchContext) => {
 *   signal.throwIfAborted();
 *   return rows.map((row, index) => ({ value: `${row} by ${items[index]?.id ?? ""}` }));
 * };
 * ```
 */
export interface BatchContext {
  /** The context of each task, in the order of the inputs: progress, log, checkpoints and a signal of its own. */
  readonly items: readonly TaskContext[];
  /** Aborts when every task of the batch was told to stop. */
  readonly signal: AbortSignal;
}

/** A handler of batches as the worker sees it. */
export type BatchHandler = (inputs: readonly unknown[], context: BatchContext) => unknown;

interface Item {
  readonly input: unknown;
  readonly context: TaskContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

const mostItems = 10_000;
const usualWait = 50;

/** Throws CONFIG_INVALID or DURATION_INVALID. */
export function resolveBatch(options: BatchOptions, where: string): BatchPolicy {
  const invalid = (why: string): CeleriacError => new CeleriacError("CONFIG_INVALID", `${where}: batch: ${why}.`);
  if (typeof options !== "object" || options === null) throw invalid("it must be an object, { max, maxWait }");
  for (const name of Object.keys(options))
    if (name !== "max" && name !== "maxWait") throw invalid(`there is no option "${name}"; known are max, maxWait`);
  const { max } = options;
  if (!(Number.isSafeInteger(max) && max >= 1 && max <= mostItems))
    throw invalid(`max must be a whole number from 1 to ${String(mostItems)}, not ${String(max)}`);
  const maxWait = options.maxWait === undefined ? usualWait : durationMs(options.maxWait, `${where}: batch.maxWait`);
  return { max, maxWait };
}

/** The handler of one task that joins the others of its type. `clock` is asked when a first one waits: a test may have put another in its place. */
export function gathering(
  task: string,
  handler: BatchHandler,
  { max, maxWait }: BatchPolicy,
  clock: () => Clock,
): AnyHandler {
  let items: Item[] = [];
  let ended: (() => void) | undefined;
  const call = (): void => {
    ended?.();
    const batch = items;
    items = [];
    void callFor(task, handler, batch);
  };
  return (input, context) =>
    new Promise((resolve, reject) => {
      const item: Item = { input, context, resolve, reject };
      const { alone = false, room = () => Infinity, closing } = runningTask()?.around ?? {};
      // A suspect of a crash stands for itself; and for whom nobody else can come, waiting is of no use.
      if (alone) return void callFor(task, handler, [item]);
      items.push(item);
      if (items.length >= max || room() <= 0 || closing?.aborted === true) return call();
      if (items.length > 1) return undefined;
      const timer = clock().after(maxWait, call);
      closing?.addEventListener("abort", call, { once: true });
      ended = () => {
        timer[Symbol.dispose]();
        closing?.removeEventListener("abort", call);
      };
      return undefined;
    });
}

/** Never rejects: each item gets its answer. */
async function callFor(task: string, handler: BatchHandler, batch: readonly Item[]): Promise<void> {
  // Told to stop while it waited.
  const stopped = batch.filter(({ context }) => context.signal.aborted);
  for (const { context, reject } of stopped) reject(context.signal.reason);
  const live = stopped.length === 0 ? batch : batch.filter((item) => !stopped.includes(item));
  if (live.length === 0) return;
  try {
    const signal = allOf(live.map(({ context }) => context.signal));
    const inputs = live.map(({ input }) => input);
    const outcomes: unknown = await handler(inputs, { items: live.map(({ context }) => context), signal });
    checkOutcomes(task, outcomes, live.length);
    for (const [index, { resolve, reject }] of live.entries()) {
      const outcome = outcomes[index] as Outcome<unknown>;
      if ("value" in outcome) resolve(outcome.value);
      else reject(outcome.reason);
    }
  } catch (error) {
    for (const { reject } of live) reject(error);
  }
}

function checkOutcomes(task: string, outcomes: unknown, count: number): asserts outcomes is readonly object[] {
  const isOutcome = (one: unknown): boolean =>
    typeof one === "object" && one !== null && ("value" in one || "reason" in one);
  if (Array.isArray(outcomes) && outcomes.length === count && outcomes.every(isOutcome)) return;
  const found = Array.isArray(outcomes)
    ? outcomes.length === count
      ? `entry ${String(outcomes.findIndex((one) => !isOutcome(one)))} has neither`
      : `it returned ${String(outcomes.length)}`
    : `it returned ${outcomes === null ? "null" : typeof outcomes}`;
  throw new CeleriacError(
    "BATCH_OUTCOMES",
    `The handler of "${task}" was given ${String(count)} inputs and must return as many outcomes, each { value } or { reason }; ${found}. None of the batch has a result.`,
    { details: { task, count } },
  );
}

/** Aborts with the last of them. */
function allOf(signals: readonly AbortSignal[]): AbortSignal {
  const all = new AbortController();
  let left = signals.length;
  for (const signal of signals)
    signal.addEventListener("abort", () => void (--left === 0 && all.abort(signal.reason)), { once: true });
  return all.signal;
}
