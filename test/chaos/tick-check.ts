/**
 * What may be said of the ticks of a run: each was sent at most once, and exactly once where G11 promises it. A tick that was not sent must
 * be one that was missed: used up later than its grace, as the store notes it and as `misfire` has it. Pure functions.
 */

import type { FaultEntry } from "./history.ts";
import type { Used } from "./tick-record.ts";

/** As the schedule is stored. Jitter is none of the schedules of a run. */
export interface Policy {
  readonly misfire: "skip" | "once" | "all";
  /** Ms. */
  readonly grace: number;
  readonly limit: number;
}

/** One schedule and one planned time. */
export interface Tick {
  readonly schedule: string;
  /** The planned time, Unix ms of whoever keeps the schedules. */
  readonly at: number;
  /** Messages that arrived and were not marked as delivered before. */
  readonly fresh: number;
  /** All that arrived. */
  readonly seen: number;
  /** What the store notes of it; absent where it notes nothing, as of ticks that were used up with a later one. */
  readonly used?: Used | undefined;
}

export interface TickEvidence {
  /** Of each schedule in their order, and all of them up to `until`. */
  readonly ticks: readonly Tick[];
  readonly policies: Readonly<Record<string, Policy>>;
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
  /** Of them, those that had to be sent, or missed as `misfire` says. */
  readonly owed: number;
  /** Of those, the ones that were missed. */
  readonly missed: number;
  readonly violations: readonly string[];
}

/** Ms for which ticks may not have been sent when the clock is put forward: the longest pause of a scheduler, and a new leader. */
const behind = 20_000;
/** Ms for which a leader may leave one schedule alone while it sends others: it waits so long with one that was refused. */
const longestRest = 30_000;

export function checkTicks(evidence: TickEvidence, faults: readonly FaultEntry[]): TickVerdict {
  const { ticks, strange, until, apart } = evidence;
  const forward = putForward(faults);
  const owedUntil = Math.min(until, (forward?.t ?? Infinity) - behind);
  const violations = strange.map((id) => `strange: ${id} is a message of no tick`);
  const schedules = Object.groupBy(ticks, ({ schedule }) => schedule);
  let due = 0;
  let owed = 0;
  let missed = 0;
  for (const tick of ticks) {
    const { schedule, at, fresh, seen } = tick;
    const name = `${schedule} at ${new Date(at).toISOString()}`;
    const again = apart ? faults.filter((fault) => fault.until >= at - behind && fault.t <= at + 2 * behind).length : 0;
    if (fresh > 1 + again) violations.push(`twice: the tick of ${name} was sent ${String(fresh)} times`);
    if (at > until) continue;
    due++;
    if (at > owedUntil) continue;
    owed++;
    if (seen > 0) continue;
    const wrong = notMissed(tick, schedules[schedule] ?? [], evidence);
    if (wrong === undefined) missed++;
    else violations.push(`missing: the tick of ${name} was not sent${wrong}`);
  }
  return { ticks: due, owed, missed, violations };
}

/** Why a tick that was not sent cannot pass for one that was missed. */
function notMissed(tick: Tick, all: readonly Tick[], { ticks, policies }: TickEvidence): string | undefined {
  const policy = policies[tick.schedule];
  const first = all.indexOf(tick);
  const index = all.findIndex(({ used }, place) => place >= first && used !== undefined);
  const [user, used] = [all[index], all[index]?.used];
  if (policy === undefined || user === undefined || used === undefined)
    return ", and no scheduler noted that it was left out";
  const skipped = used.id === undefined;
  if (user === tick && !skipped) return ", though it was noted as sent";
  // What uses up a tick is itself the last one that was missed, and so beyond its grace when that was noted.
  const late = used.by - user.at;
  if (late <= policy.grace) {
    const how = user === tick ? "left out" : `passed over with that of ${new Date(user.at).toISOString()},`;
    return `: it was ${how} ${String(late)} ms after its time, and its grace is ${String(policy.grace)} ms`;
  }
  if (policy.misfire === "skip" && !skipped)
    return ", and a later one that was missed was, which its misfire does not allow";
  if (policy.misfire === "once" && !all.some(({ at, seen }) => at >= user.at && seen > 0))
    return ", and no later one made up for it";
  if (policy.misfire === "all") {
    const kept = all[index + policy.limit];
    if (!skipped || kept === undefined || used.by - kept.at <= policy.grace)
      return `, and not more than ${String(policy.limit)} were missed`;
  }
  return restedTooLong(tick, policy, all, ticks);
}

/** Somebody sent ticks of other schedules all the while, and none of this one. */
function restedTooLong(
  { at, schedule }: Tick,
  { grace }: Policy,
  own: readonly Tick[],
  ticks: readonly Tick[],
): string | undefined {
  if (grace <= longestRest) return undefined;
  const within = ({ used }: Tick): boolean => used !== undefined && used.by > at && used.by <= at + grace;
  if (own.some(within)) return undefined;
  // What is left out needs no broker: that goes on while it is away.
  const isSent = (tick: Tick): boolean => within(tick) && tick.used?.id !== undefined;
  const others = ticks.flatMap((tick) => (tick.schedule !== schedule && isSent(tick) ? [tick.used?.by ?? at] : []));
  const ms = others.length === 0 ? 0 : Math.max(...others) - Math.min(...others);
  return ms > longestRest ? `, though others were for ${String(ms)} ms of its grace` : undefined;
}

/**
 * When the clock of the schedules was put forward first. Their server has then missed the ticks of that hour, and `misfire` says what becomes
 * of them; put back, it sends none of them again.
 */
export function putForward(faults: readonly FaultEntry[]): FaultEntry | undefined {
  return faults.find(({ fault, by = 0 }) => fault === "redis clock jumps" && by > 0);
}
