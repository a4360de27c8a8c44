/** What may be said of the ticks of a run: each was sent at most once, and exactly once where G11 promises it. A pure function. */

import type { FaultEntry } from "./history.ts";

/** One schedule and one planned time. */
export interface Tick {
  readonly schedule: string;
  /** The planned time, Unix ms of whoever keeps the schedules. */
  readonly at: number;
  /** Messages that arrived and were not marked as delivered before. */
  readonly fresh: number;
  /** All that arrived. */
  readonly seen: number;
}

export interface TickEvidence {
  readonly ticks: readonly Tick[];
  /** Ids of messages that belong to no tick. */
  readonly strange: readonly string[];
  /** Ticks planned later may have been sent, and need not. */
  readonly until: number;
  /** Broker and schedules are two servers: a scheduler that dies between its two steps leaves a tick that is sent again. */
  readonly apart: boolean;
}

export interface TickVerdict {
  /** So many were due. */
  readonly ticks: number;
  /** Of them, those that had to be there. */
  readonly owed: number;
  readonly violations: readonly string[];
}

/** Ms for which ticks may not have been sent when the clock is put forward: the longest pause of a scheduler, and a new leader. */
const behind = 20_000;

export function checkTicks({ ticks, strange, until, apart }: TickEvidence, faults: readonly FaultEntry[]): TickVerdict {
  const forward = putForward(faults);
  const owedUntil = Math.min(until, (forward?.t ?? Infinity) - behind);
  const violations = strange.map((id) => `strange: ${id} is a message of no tick`);
  let due = 0;
  let owed = 0;
  for (const { schedule, at, fresh, seen } of ticks) {
    const name = `${schedule} at ${new Date(at).toISOString()}`;
    const again = apart ? faults.filter((fault) => fault.t >= at - behind && fault.t <= at + 2 * behind).length : 0;
    if (fresh > 1 + again) violations.push(`twice: the tick of ${name} was sent ${String(fresh)} times`);
    if (at > until) continue;
    due++;
    if (at > owedUntil) continue;
    owed++;
    if (seen === 0) violations.push(`missing: the tick of ${name} was not sent`);
  }
  return { ticks: due, owed, violations };
}

/**
 * When the clock of the schedules was put forward first. Their server has then missed the ticks of that hour, and `misfire` says what becomes
 * of them; put back, it sends none of them again.
 */
export function putForward(faults: readonly FaultEntry[]): FaultEntry | undefined {
  return faults.find(({ fault, by = 0 }) => fault === "redis clock jumps" && by > 0);
}
