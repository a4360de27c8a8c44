/** Whether what has a time kept it: tasks that may not start before theirs, and tasks that are ended at their limit. Pure functions. */

import type { Final } from "./checker.ts";
import { effectOf } from "./fault-effects.ts";
import type { FaultEntry, History } from "./history.ts";
import type { Run } from "./journal.ts";
import type { BrokerName } from "./stage.ts";
import { endlessLimit } from "./workload.ts";

/** Ms by which two processes may read the same clock apart. */
const reading = 20;
/** Ms after its limit in which a task's end is stored, and its child replaced, on a machine with much else to do. */
const ending = 2000;

/** Of tasks that were due at one moment, in ms after it. */
export interface Herd {
  readonly count: number;
  readonly firstStart: number;
  readonly lastStart: number;
}

/** One line for each that began too early, ended too late or too soon, or did not end by its limit. */
export function brokenTimes(history: History, finals: ReadonlyMap<string, Final>, broker: BrokerName): string[] {
  const broken: string[] = [];
  for (const [id, { at }] of history.due) {
    const first = history.of(id).starts[0]?.t;
    if (first !== undefined && first + reading < at && !isAdrift(id, first, history, broker))
      broken.push(`early: ${id} began ${String(at - first)} ms before its time`);
  }
  for (const [id, kind] of history.accepted) {
    if (kind !== "endless") continue;
    const final = finals.get(id);
    if (final?.state === "FAILURE" && !final.result.includes("TimeLimitExceeded"))
      broken.push(`unlimited: ${id} ended otherwise than by its limit: ${final.result.slice(0, 200)}`);
    for (const run of history.of(id).starts) broken.push(...brokenLimit(run, history));
  }
  return broken;
}

function brokenLimit(run: Run, history: History): string[] {
  const frees = history.of(run.id).freed.filter(({ t, worker }) => worker === run.worker && t >= run.t);
  // A second message of it, which the worker lets go at once, is no end of the run.
  const end = (frees.find(({ t }) => t - run.t + reading >= endlessLimit) ?? frees.at(-1))?.t;
  if (end === undefined || isDisturbed(run, end, history)) return [];
  const lasted = end - run.t;
  if (lasted > endlessLimit + ending)
    return [`overdue: ${run.id} ended ${String(lasted)} ms after its start, and its limit is ${String(endlessLimit)}`];
  if (lasted + reading < endlessLimit)
    return [`hasty: ${run.id} ended ${String(lasted)} ms after its start, and its limit is ${String(endlessLimit)}`];
  return [];
}

/** Its worker or its child was hit, its end could not be stored, or its worker did not turn. */
function isDisturbed({ worker, pid, t: start }: Run, end: number, { faults, aways }: History): boolean {
  const touches = (from: number, until: number): boolean => from <= end && until >= start;
  return (
    aways.some((away) => away.worker === worker && touches(away.t, away.until)) ||
    faults.some(({ fault, target, t, until }) => {
      if (!touches(t, until)) return false;
      const effect = effectOf(fault);
      if (target === worker || target === pid) return true;
      return effect.by !== "nothing" && (effect.whose === "all" || (effect.whose === "line" && target === 0));
    })
  );
}

/** Ms in which a process may still read the clock that it was given before: libfaketime looks for another once a second. */
const clockKept = 1100;

/** Whether the clock by which it was held back was another's while it waited: then it is off by the step. */
export function isAdrift(id: string, until: number, history: History, broker: BrokerName): boolean {
  return wasStepped(history.due.get(id)?.said ?? until, until, history, broker);
}

/** Whether the clock by which messages are held back was off between the two. */
export function wasStepped(said: number, until: number, { faults }: History, broker: BrokerName): boolean {
  return faults.some((fault) => isOfClock(fault, broker) && fault.t <= until && fault.until + clockKept >= said);
}

/** Redis holds back by its own clock, an SQLite file by those of its workers, RabbitMQ by how long is left. */
function isOfClock({ fault, by }: FaultEntry, broker: BrokerName): boolean {
  if (by === undefined || broker === "rabbitmq") return false;
  return fault === (broker === "redis" ? "redis clock jumps" : "worker clock jumps");
}

/** `undefined` where there was none. */
export function herdTimes(history: History): Herd | undefined {
  const waits: number[] = [];
  for (const [id, kind] of history.accepted) {
    const first = kind === "herd" ? history.of(id).starts[0]?.t : undefined;
    if (first !== undefined) waits.push(first - (history.due.get(id)?.at ?? first));
  }
  if (waits.length === 0) return undefined;
  waits.sort((a, b) => a - b);
  return { count: waits.length, firstStart: waits[0] ?? 0, lastStart: waits.at(-1) ?? 0 };
}
