/** An entry on its way through time: what is done with, when to look again, what stands in its way. Lives as long as one term. */

import type { AppCore } from "../app/core.ts";
import type { ResultNode } from "../canvas/result-node.ts";
import type { FiredTick, Lease } from "../port/lease.ts";
import { runOf } from "./call.ts";
import type { Entry } from "./entry.ts";
import type { FormerRun } from "./former-run.ts";

/** Ticks that fired further in the future than this come of a clock that was wrong; they must not silence a schedule till then. */
const longestStep = 86_400_000;
/** As many as are kept: before the last of them many may have been skipped. */
const allTicks = 1_000;

export interface Line {
  readonly entry: Entry;
  /** Ticks up to this one are done with. */
  cursor: number;
  /** Server time at which to look at it again. */
  due: number;
  /** See `planNext`. */
  allowed: number;
  /** The run before. Absent where `overlap` does not ask, and where the entry began anew since. */
  former: FormerRun | undefined;
  /** A tick waits for the end of the run before. */
  waits: boolean;
  /** How long a full queue was left alone before it was tried last, ms; 0: it is not full. */
  pause: number;
}

/** Where the entry stands by what has fired. */
export async function openLine(core: AppCore, lease: Lease, entry: Entry, now: number): Promise<Line> {
  const allow = entry.policy.overlap === "allow";
  let fired = await lease.fired(entry.name, allow ? 1 : allTicks);
  if (allow && newest(fired) > now + longestStep) fired = await lease.fired(entry.name, allTicks);
  const credible = fired.filter(({ tick }) => tick <= now + longestStep);
  const last = allow ? undefined : fired.find(({ id }) => id !== undefined);
  const result = last && runOf(core, entry, last);
  return {
    entry,
    cursor: Math.max(entry.from, newest(credible)),
    due: entry.paused ? Infinity : -Infinity,
    allowed: -Infinity,
    former: last && result && last.tick > entry.from ? formerRun(result, last.tick) : undefined,
    waits: false,
    pause: 0,
  };
}

export function formerRun(result: ResultNode, tick: number): FormerRun {
  return { result, tick, lookedAt: -Infinity, absent: 0 };
}

/** -Infinity where none has fired. */
export function newest(fired: readonly FiredTick[]): number {
  return fired.reduce((most, { tick }) => Math.max(most, tick), -Infinity);
}
