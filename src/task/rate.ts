/** How often a task may begin, as people write it ("10/m", Celery's words), and what it means. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { isCallKey, withCallKey } from "./call-key.ts";

/**
 * So many starts in a second, minute or hour; a bare number counts by the second, as in Celery. 0 is no limit.
 *
 * @example
 * ```ts
 * import type { Rate } from "celeriac";
 * const mails: Rate = "10/m"; // also 5, "100/s", "200/h", "0.5/s"
 * ```
 */
export type Rate = number | `${number}` | `${number}/${"s" | "m" | "h"}`;

/**
 * A rate with everything that can be said of it.
 *
 * @example
 * ```ts
 * const call = app.task(
 *   "partner.call",
 *   { rate: { limit: "10/m", key: (input: { partner: string }) => input.partner } },
 *   async ({ partner }: { partner: string }) => partner,
 * );
 * ```
 */
export interface RateOptions {
  readonly limit: Rate;
  /** Who shares it: all workers together, or each worker has its own, as in Celery. Default "cluster". */
  readonly per?: "cluster" | "worker";
  /** How many may begin at once after a quiet time. Default: what the limit allows in a second, at least 1. */
  readonly burst?: number;
  /** A bucket for each text it returns instead of one for the task. Asked where the call is made; its parameter is the call's input. */
  readonly key?: (input: never) => string;
}

export interface RatePolicy {
  /** In each `per` ms. */
  readonly limit: number;
  readonly per: number;
  readonly burst: number;
  readonly scope: "cluster" | "worker";
  readonly key: ((input: unknown) => string) | undefined;
}

/** Under this header a message says whose bucket it draws from; without it the task's own. */
const rateKeyHeader = "celeriac.key";

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Undefined: no limit. Throws CONFIG_INVALID. */
export function resolveRate(rate: Rate | RateOptions, where: string): RatePolicy | undefined {
  const options: RateOptions = typeof rate === "object" && rate !== null ? rate : { limit: rate };
  const { limit, per = "cluster", burst, key } = options;
  const parsed = parseRate(limit);
  if (parsed === "unreadable") {
    throw invalid(
      where,
      `${JSON.stringify(limit) ?? String(limit)} is no rate; write "10/m", "100/s", "200/h" or a number`,
    );
  }
  if (per !== "cluster" && per !== "worker")
    throw invalid(where, `per must be "cluster" or "worker", not ${String(per)}`);
  if (burst !== undefined && !(Number.isSafeInteger(burst) && burst >= 1)) {
    throw invalid(where, `burst must be a whole number of at least 1, not ${String(burst)}`);
  }
  if (key !== undefined && typeof key !== "function") throw invalid(where, "key must be a function of the input");
  if (parsed === undefined) return undefined;
  return { ...parsed, ...(burst !== undefined && { burst }), scope: per, key: key as RatePolicy["key"] };
}

/** What "10/m" means, read as Celery reads it; undefined for 0, which is none. A text from outside may be anything. */
export function parseRate(rate: unknown): Pick<RatePolicy, "limit" | "per" | "burst"> | undefined | "unreadable" {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(?:\/([smh]?))?$/.exec(String(rate));
  if (found === null || (typeof rate !== "string" && typeof rate !== "number")) return "unreadable";
  const limit = Number(found[1]);
  const per = units[found[2] || "s"] ?? Number.NaN;
  if (limit === 0) return undefined;
  if (!Number.isFinite(limit) || limit > 1e9) return "unreadable";
  return { limit, per, burst: Math.max(1, Math.floor((limit * 1_000) / per)) };
}

/** The bucket that a message draws from. Headers come from anywhere: a key that is none is the task's own. */
export function rateBucket(task: string, headers: Readonly<Record<string, unknown>>): string {
  const key = headers[rateKeyHeader];
  return isCallKey(key) ? `task:${task}:${key}` : `task:${task}`;
}

/** A rate as people write it. */
export function rateText({ limit, per }: Pick<RatePolicy, "limit" | "per">): string {
  return `${String(limit)}/${per === 60_000 ? "m" : per === 3_600_000 ? "h" : "s"}`;
}

/** The header that names a call's bucket, beside those it has. Throws INPUT_INVALID for a key that is none. */
export function withRateKey(
  rate: RatePolicy | undefined,
  input: unknown,
  headers: Readonly<Record<string, unknown>> | undefined,
  task: string,
): Readonly<Record<string, unknown>> | undefined {
  return withCallKey(rateKeyHeader, rate?.key, input, headers, `${task}: rate.key`);
}

function invalid(where: string, why: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `${where}: rate: ${why}.`);
}
