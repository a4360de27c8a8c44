/** The one error of schedules that cannot be. Quoted text is cut: it may come from a database or a command line. */

import { CeleriacError } from "../error/celeriac-error.ts";

/** SCHEDULE_INVALID; `remedy` says what to write instead. */
export function scheduleInvalid(what: string, remedy: string, cause?: unknown): CeleriacError {
  return new CeleriacError("SCHEDULE_INVALID", `${what} ${remedy}`, cause === undefined ? {} : { cause });
}

/** A value as an error text shows it, at most 80 characters. */
export function quoted(value: unknown): string {
  const text = textOf(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value; // a bigint, or an object that contains itself
  }
}
