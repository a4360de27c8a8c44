/**
 * A declared task, resolved: what the registry holds, what a worker reads. Defaults are filled in once, here, so that no
 * reader has to know them.
 */

import type { ConcurrencyPolicy } from "./concurrency.ts";
import type { BatchPolicy } from "./batch.ts";
import type { CallPolicy } from "./calls.ts";
import type { TaskContext } from "./context.ts";
import type { RatePolicy } from "./rate.ts";
import type { RedactRule } from "./redact.ts";
import type { StandardSchema } from "./schema.ts";

/** A handler as the worker sees it; `app.task` hides the types behind this one shape. */
export type AnyHandler = (input: unknown, context: TaskContext) => unknown;

/** When and how a failed run is tried again. All times in milliseconds. */
export interface RetryPolicy {
  /** How many times after the first run. */
  readonly limit: number;
  /** Wait before try `n` (1 = the first retry), before jitter. */
  readonly delay: (n: number) => number;
  /** Share of the wait that is random, 0…1. Default 0.5 for back-off: waits lie between half and the whole. */
  readonly jitter: number;
  /** Names of error classes that are tried again; `undefined` = all. */
  readonly on: readonly string[] | undefined;
  /** Names of error classes that are never tried again; wins over `on`. */
  readonly never: readonly string[];
}

export interface TaskDefinition {
  readonly name: string;
  /** `undefined` for a task that other workers run (`app.remote`). */
  readonly handler: AnyHandler | undefined;
  readonly input: StandardSchema | undefined;
  /** Argument names for callers that use positions; `optional` ones end in "?" where they are declared. */
  readonly positional: readonly { readonly name: string; readonly optional: boolean }[] | undefined;
  /** The handler takes `{ args, kwargs }` as they came: for variadic tasks. Default false. */
  readonly raw?: boolean;
  /** With `positional`: what becomes of keyword arguments that no name fits. Default "refuse". */
  readonly rest?: "refuse" | "ignore";
  readonly queue: string;
  readonly priority: number | undefined;
  readonly retry: RetryPolicy | undefined;
  /** How often it may begin; `undefined` = no limit. */
  readonly rate?: RatePolicy | undefined;
  /** How many runs of it there may be at one time; `undefined` = no limit. */
  readonly concurrency?: ConcurrencyPolicy | undefined;
  /** What becomes of many calls with one key; `undefined` = each is a task of its own. */
  readonly calls?: CallPolicy | undefined;
  /** Its handler gathers runs and is called for many at once; `undefined` = for each. */
  readonly batch?: BatchPolicy | undefined;
  /** Whose turn a call counts as; `undefined` = it waits in line with all others. */
  readonly fairness?: ((input: unknown) => string) | undefined;
  /** Hard limit: what runs longer is killed. Milliseconds; `undefined` = none. */
  readonly timeLimit: number | undefined;
  /** Soft limit: `ctx.signal` aborts. Milliseconds; `undefined` = none. */
  readonly softTimeLimit: number | undefined;
  /** Not started later than this after it was sent. Milliseconds; `undefined` = never expires. */
  readonly expires: number | undefined;
  /** "late": at-least-once. "early": acknowledged before it runs, so at-most-once. */
  readonly ack: "late" | "early";
  /** Starts that may end in the death of their process before the task is dead-lettered. Default 3. */
  readonly crashes: number;
  /** "fail": the first such death is final. */
  readonly onCrash: "retry" | "fail";
  readonly ignoreResult: boolean;
  /** Store STARTED when a run begins; one more write a task. */
  readonly trackStarted: boolean;
  /** What of a call is shown to nobody; `undefined` = all may be shown. */
  readonly redact?: RedactRule | undefined;
  /** The constructor names (own classes included, up to Error) of `retry.on` and `retry.never`, matched in the far side of a pool. */
  readonly errorClasses: readonly (abstract new (...args: never[]) => Error)[];
}
