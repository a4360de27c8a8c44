/**
 * What a schedule wants at this moment: wait, send a tick, or use one up without sending. Pure: from the entry, the last tick that is
 * done with, and the time alone, so that every scheduler decides alike.
 *
 *   cursor ──▶ missed … missed │ on time … on time │ to come
 *                              now − grace         now
 */

import { type Entry, jitterOf } from "./entry.ts";

export type Step =
  /** Nothing before `until`; Infinity: never again. */
  | { readonly kind: "wait"; readonly until: number }
  | { readonly kind: "send"; readonly tick: number; readonly late: boolean }
  /** This tick, and all before it that are not done with, are used up. */
  | { readonly kind: "skip"; readonly tick: number; readonly why: "missed" | "made-up" | "too-many" };

/** How far back is looked at first, ms; eight times as far each time. */
const nearBack = 60_000;

/** The next step. `cursor`: ticks up to it are done with. `allowed`: missed ticks up to it are not too many, as found before. */
export function planNext(entry: Entry, cursor: number, now: number, allowed: number = -Infinity): Step {
  const { schedule, policy, since } = entry;
  const first = schedule.next(cursor, since);
  if (first === undefined) return { kind: "wait", until: Infinity };
  const due = first + jitterOf(entry, first);
  if (due > now) return { kind: "wait", until: due };
  if (due >= now - policy.grace) return { kind: "send", tick: first, late: false };
  const isMissed = (at: number): boolean => at < now - policy.grace;
  if (policy.misfire === "all") {
    const missed = first <= allowed ? [] : latest(entry, cursor, now, isMissed, policy.limit + 1);
    const [dropped] = missed;
    return missed.length <= policy.limit || dropped === undefined
      ? { kind: "send", tick: first, late: true }
      : { kind: "skip", tick: dropped, why: "too-many" };
  }
  const tick = latest(entry, cursor, now, isMissed, 1)[0] ?? first;
  if (policy.misfire === "skip") return { kind: "skip", tick, why: "missed" };
  const next = schedule.next(tick, since);
  // A run that is due anyway makes up for those that were missed.
  const followed = next !== undefined && next + jitterOf(entry, next) <= now;
  return followed ? { kind: "skip", tick, why: "made-up" } : { kind: "send", tick, late: true };
}

/** The last tick whose time has come, whatever was missed before it. */
export function lastDue(entry: Entry, cursor: number, now: number): number | undefined {
  return latest(entry, cursor, now, (at) => at <= now, 1)[0];
}

/**
 * The last ticks after `cursor` of whose times `holds` is true, at most `most`, in order; it is true of none after `now`. Looks back step by
 * step, because a schedule of a second has thirty million ticks in a year.
 */
function latest(
  entry: Entry,
  cursor: number,
  now: number,
  holds: (at: number) => boolean,
  most: number,
): readonly number[] {
  const { schedule, since } = entry;
  for (let back = nearBack; ; back *= 8) {
    const start = Math.max(cursor, now - back);
    const found: number[] = [];
    // Before its jitter, a tick that `holds` for the next one holds too.
    for (let tick = schedule.next(start, since); tick !== undefined && holds(tick); tick = schedule.next(tick, since))
      found.push(tick);
    const last = found.at(-1);
    if (last !== undefined && !holds(last + jitterOf(entry, last))) found.pop();
    if (found.length >= most || start === cursor) return found.slice(-most);
  }
}
