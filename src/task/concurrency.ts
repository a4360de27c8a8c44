/** How many runs of a task there may be at one time, on all workers together, for each key of its input or in all. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { isCallKey, withCallKey } from "./call-key.ts";

/**
 * At most `limit` runs of the task at one time, on all workers together; with `key`, for each text that it returns.
 *
 * @example
 * ```ts
 * const sync = app.task(
 *   "customer.sync",
 *   { concurrency: { limit: 1, key: (input: { customer: string }) => input.customer } },
 *   async ({ customer }: { customer: string }) => customer,
 * );
 * ```
 */
export interface ConcurrencyOptions {
  readonly limit: number;
  /** Whose runs are counted. Asked where the call is made; its parameter is the call's input. Default: all runs of the task together. */
  readonly key?: (input: never) => string;
}

export interface ConcurrencyPolicy {
  readonly limit: number;
  readonly key: ((input: unknown) => string) | undefined;
}

/** Under this header a message says among whose runs it counts; without it among all of the task that have none. */
const header = "celeriac.slot";

/** Throws CONFIG_INVALID. */
export function resolveConcurrency(option: number | ConcurrencyOptions, where: string): ConcurrencyPolicy {
  const { limit, key }: ConcurrencyOptions = typeof option === "object" && option !== null ? option : { limit: option };
  if (!(Number.isSafeInteger(limit) && limit >= 1)) {
    throw invalid(where, `limit must be a whole number of at least 1, not ${String(limit)}`);
  }
  if (key !== undefined && typeof key !== "function") throw invalid(where, "key must be a function of the input");
  return { limit, key: key as ConcurrencyPolicy["key"] };
}

/** What the runs of a message are counted under. */
export function placeKey(task: string, headers: Readonly<Record<string, unknown>>): string {
  const key = headers[header];
  return isCallKey(key) ? `task:${task}:${key}` : `task:${task}`;
}

/** The header that names a call's key, beside those it has. Throws INPUT_INVALID for a key that is none. */
export function withPlaceKey(
  policy: ConcurrencyPolicy | undefined,
  input: unknown,
  headers: Readonly<Record<string, unknown>> | undefined,
  task: string,
): Readonly<Record<string, unknown>> | undefined {
  return withCallKey(header, policy?.key, input, headers, `${task}: concurrency.key`);
}

function invalid(where: string, why: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `${where}: concurrency: ${why}.`);
}
