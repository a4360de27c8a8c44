/** Values of messages and results as text. What came from Python can hold `NaN`, which no JSON of ours may; it is shown all the same. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { stringifyJson } from "../wire/json.ts";
import { cleanJson } from "../wire/visible-text.ts";

/** One line of JSON, lossless where JSON can be: integers of any length, dates and bytes as Celery tags them. */
export function valueText(value: unknown): string {
  try {
    return cleanJson(stringifyJson(value));
  } catch (error) {
    if (!(error instanceof CeleriacError)) throw error;
    return cleanJson(
      JSON.stringify(value, (_key, member: unknown) => (isPlain(member) ? member : String(member))) ?? "null",
    );
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "bigint" && typeof value !== "function" && typeof value !== "symbol";
}
