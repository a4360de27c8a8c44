/** Lengths of time as people write them: "30s" or plain milliseconds. A wrong unit is a compile error, and DURATION_INVALID at run time. */

import { CeleriacError } from "../error/celeriac-error.ts";

/**
 * A length of time: milliseconds as a number, or a number with a unit.
 *
 * @example
 * ```ts
 * import type { Duration } from "celeriac";
 * const wait: Duration = "30s"; // also 30_000, "1.5h", "250ms", "2m", "1d", "4w"
 * ```
 */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * Milliseconds of a duration, at least 0 and finite; throws DURATION_INVALID otherwise.
 *
 * @example
 * ```ts
 * import { durationMs } from "celeriac";
 * durationMs("1.5s"); // 1500
 * ```
 */
export function durationMs(duration: Duration, what = "duration"): number {
  const ms = typeof duration === "string" ? parse(duration) : duration;
  if (typeof ms === "number" && Number.isFinite(ms) && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return ms;
  throw new CeleriacError(
    "DURATION_INVALID",
    `${what}: ${JSON.stringify(duration) ?? String(duration)} is no length of time. Write milliseconds, or a number with ms, s, m, h, d or w, such as "30s".`,
  );
}

function parse(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(ms|[smhdw])$/.exec(text);
  return found === null ? Number.NaN : Number(found[1]) * (units[found[2] ?? ""] ?? Number.NaN);
}
