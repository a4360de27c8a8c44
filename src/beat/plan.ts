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
export function planNext(entry: Entry, cursor: number, now: number, allowed = -Infinity): Step {
  const { schedule, policy, since } = entry;
  const first = schedule.next(cursor, since);
  if (first === undefined) return { kind: "wait", until: Infinity };
  const due = first + jitterOf(entry, first);
  if (due > now) return { kind: "wait", until: due };
  if (due >= now - policy.grace) return { kind: "send", tick: first, late: false };
  if (policy.misfire === "all") {
    if (first <= allowed) return { kind: "send", tick: first, late: true };
    const surplus = latest(entry, cursor, now - policy.grace - policy.jitter, policy.limit + 1);
    const [dropped] = surplus;
    return surplus.length <= policy.limit || dropped === undefined
      ? { kind: "send", tick: first, late: true }
      : { kind: "skip", tick: dropped, why: "too-many" };
  }
  const tick = lastMissed(entry, cursor, now) ?? first;
  if (policy.misfire === "skip") return { kind: "skip", tick, why: "missed" };
  const next = schedule.next(tick, since);
  // A run that is due anyway makes up for those that were missed.
  const followed = next !== undefined && next + jitterOf(entry, next) <= now;
  return followed ? { kind: "skip", tick, why: "made-up" } : { kind: "send", tick, late: true };
}

/** The last tick whose time has come, whatever was missed before it. */
export function lastDue(entry: Entry, cursor: number, now: number): number | undefined {
  return walk(entry, latest(entry, cursor, now - entry.policy.jitter, 1)[0], cursor, (due) => due <= now);
}

function lastMissed(entry: Entry, cursor: number, now: number): number | undefined {
  const { grace, jitter } = entry.policy;
  return walk(entry, latest(entry, cursor, now - grace - jitter, 1)[0], cursor, (due) => due < now - grace);
}

/** Jitter decides of the last few, one by one. */
function walk(
  entry: Entry,
  known: number | undefined,
  cursor: number,
  holds: (due: number) => boolean,
): number | undefined {
  let tick = known;
  for (;;) {
    const next = entry.schedule.next(tick ?? cursor, entry.since);
    if (next === undefined || !holds(next + jitterOf(entry, next))) return tick;
    tick = next;
  }
}

/**
 * The last ticks after `cursor` and before `end`, at most `most`, in order. Looks back step by step, because a schedule of a second has
 * thirty million ticks in a year.
 */
function latest(entry: Entry, cursor: number, end: number, most: number): readonly number[] {
  for (let back = nearBack; ; back *= 8) {
    const start = Math.max(cursor, end - back);
    const found: number[] = [];
    for (
      let tick = entry.schedule.next(start, entry.since);
      tick !== undefined && tick < end;
      tick = entry.schedule.next(tick, entry.since)
    ) {
      found.push(tick);
    }
    if (found.length >= most || start === cursor) return found.slice(-most);
  }
}
