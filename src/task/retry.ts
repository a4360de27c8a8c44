/** When a failed run is tried again, and how long it waits. Pure; the random number comes from the caller. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { RetryPolicy } from "./definition.ts";
import { type Duration, durationMs } from "./duration.ts";

/** Waits that grow by a factor up to a ceiling. Made by {@link backoff}. */
export interface Backoff {
  readonly kind: "backoff";
  /** Milliseconds before the first retry. */
  readonly first: number;
  /** Milliseconds that no wait exceeds. */
  readonly max: number;
  readonly factor: number;
}

export type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * A task's `retry` option. Without it a failed run is final.
 *
 * @example
 * ```ts
 * import { backoff, type RetryOption } from "celeriac";
 * const retry: RetryOption = { limit: 5, delay: backoff("2s", "10m"), never: [RangeError] };
 * ```
 */
export interface RetryOption {
  /** How many times after the first run. Default 3. */
  readonly limit?: number;
  /** Wait before each try: fixed, growing, or computed from the number of the retry (1 = the first). Default `backoff("1s", "10m")`. */
  readonly delay?: Duration | Backoff | ((retry: number) => Duration);
  /** Share of the wait that is random, 0…1. Default 0.5 with `backoff`, else 0. */
  readonly jitter?: number;
  /** Only errors of these classes are tried again. Default: all. */
  readonly on?: readonly ErrorClass[];
  /** Errors of these classes are final; wins over `on`. */
  readonly never?: readonly ErrorClass[];
}

/**
 * Waits that grow: `first`, then `factor` times as long each time, at most `max`.
 *
 * @example
 * ```ts
 * import { backoff } from "celeriac";
 * app.task("mail.send", { retry: { limit: 5, delay: backoff("2s", "10m") } }, async (to: string) => fetch(to).then(({ status }) => status));
 * ```
 */
export function backoff(first: Duration, max: Duration = "10m", factor = 2): Backoff {
  if (!(Number.isFinite(factor) && factor >= 1)) {
    throw new CeleriacError("CONFIG_INVALID", `backoff: factor must be a number of at least 1, not ${String(factor)}.`);
  }
  return { kind: "backoff", first: durationMs(first, "backoff: first"), max: durationMs(max, "backoff: max"), factor };
}

/** Fills in the defaults of a `retry` option. Throws CONFIG_INVALID or DURATION_INVALID. */
export function resolveRetry(options: RetryOption): RetryPolicy {
  const limit = options.limit ?? 3;
  if (!(Number.isSafeInteger(limit) && limit >= 0) && limit !== Number.POSITIVE_INFINITY) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `retry.limit must be a whole number of at least 0, not ${String(limit)}.`,
    );
  }
  const delay = options.delay ?? backoff("1s");
  const jitter = options.jitter ?? (isBackoff(delay) ? 0.5 : 0);
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new CeleriacError("CONFIG_INVALID", `retry.jitter must lie between 0 and 1, not ${String(jitter)}.`);
  }
  return {
    limit,
    delay: waits(delay),
    jitter,
    on: options.on?.map((type) => type.name),
    never: (options.never ?? []).map((type) => type.name),
  };
}

/** Milliseconds before retry `n` (1 = the first); `random` in 0…1 places it inside the jitter. */
export function retryDelay(policy: RetryPolicy, n: number, random: number): number {
  return Math.round(policy.delay(n) * (1 - policy.jitter + policy.jitter * random));
}

/** Is an error whose own and inherited class names are `names` tried again under this policy? */
export function isRetryable(policy: RetryPolicy, names: readonly string[]): boolean {
  if (names.some((name) => policy.never.includes(name))) return false;
  return policy.on === undefined || names.some((name) => policy.on?.includes(name));
}

function isBackoff(delay: RetryOption["delay"]): delay is Backoff {
  return typeof delay === "object" && delay.kind === "backoff";
}

function waits(delay: NonNullable<RetryOption["delay"]>): (n: number) => number {
  if (typeof delay === "function") return (n) => durationMs(delay(n), "retry.delay");
  if (isBackoff(delay)) return (n) => Math.min(delay.max, delay.first * delay.factor ** Math.max(0, n - 1));
  const fixed = durationMs(delay, "retry.delay");
  return () => fixed;
}
