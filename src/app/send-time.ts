/** When a call or a workflow may start, when it is too late, and how long a repeat of its sending is known. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";

/** What is asked of a send's times; see `SendOptions`. */
export interface SendTimes {
  readonly delay?: Duration | undefined;
  readonly eta?: Date | undefined;
}

const day = 86_400_000;
const minute = 60_000;

/** Unix ms; `undefined`: at once. `subject` is what is sent, in the words of an error. Throws CONFIG_INVALID or DURATION_INVALID. */
export function dueOf({ delay, eta }: SendTimes, now: number, subject: string): number | undefined {
  if (eta !== undefined) {
    if (delay !== undefined) throw invalidSend(subject, "delay and eta exclude each other");
    return momentOf(eta, "eta", subject);
  }
  const wait = delay === undefined ? 0 : durationMs(delay, "delay");
  return wait === 0 ? undefined : now + wait;
}

/** Unix ms. */
export function expiresOf(expires: Duration | Date | undefined, now: number, subject: string): number | undefined {
  if (expires === undefined) return undefined;
  return expires instanceof Date ? momentOf(expires, "expires", subject) : now + durationMs(expires, "expires");
}

/** How long a second publish of an id is a duplicate, ms. `named`: the caller chose it. */
export function windowOf(named: boolean, timeout: number): number {
  // Long enough that our own repeat of an unclear answer, inside the deadline, can never enqueue twice.
  return named ? day : Math.max(minute, 2 * timeout);
}

export function invalidSend(subject: string, text: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `enqueue of ${subject}: ${text}.`);
}

function momentOf(date: Date, what: string, subject: string): number {
  const ms = date instanceof Date ? date.getTime() : Number.NaN;
  if (Number.isNaN(ms)) throw invalidSend(subject, `${what} must be a valid Date`);
  return ms;
}
