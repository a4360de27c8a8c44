/**
 * How soon what a fault interrupted could be claimed again, and how long it then waited for its slot, from the journal.
 *
 *   claim ── death ──(lease, sweep)── next claim ──(a slot; for a suspect of a crash, a place with nothing beside it)── start
 */

import { effectOf } from "./fault-effects.ts";
import type { FaultEntry, History, TaskHistory } from "./history.ts";
import type { Hold } from "./journal.ts";
import type { RecoveryLimits } from "./limits.ts";
import { Room } from "./room.ts";
import { workerDeath } from "./rows.ts";
import { deadly } from "./workload.ts";

export interface Times {
  readonly count: number;
  /** Ms. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Recovery {
  /** From the death or the pause of a worker to the next claim of what it held. */
  readonly claim: Times | undefined;
  /** The same after the death of a child, which its worker hears of. */
  readonly child: Times | undefined;
  /** From such a claim to the start. */
  readonly slot: Times | undefined;
  /** What took longest until its claim, after the death of a worker and of a child, as text. */
  readonly worst: string;
  readonly worstChild: string;
}

/** Deaths of children for a 99th percentile. */
const enough = 100;

/** One line for each time that is too long. */
export function tooLate({ claim, child, worst, worstChild }: Recovery, limits: RecoveryLimits): string[] {
  const lines: string[] = [];
  const hold = (what: string, ms: number | undefined, most: number, which: string): void => {
    if (ms !== undefined && ms > most)
      lines.push(`recovery: ${what} is ${String(ms)} ms, more than ${String(most)}: ${which}`);
  };
  hold("p50", claim?.p50, limits.median, worst);
  hold("p99", claim?.p99, limits.p99, worst);
  hold("the longest time", claim?.max, limits.most, worst);
  // Of fewer the 99th of 100 is the one that took longest.
  const few = child !== undefined && child.count < enough;
  hold(`${few ? "p95" : "p99"} after the death of a child`, few ? child.p95 : child?.p99, limits.child, worstChild);
  return lines;
}

/** Nobody reads what a connection says that RabbitMQ blocks. */
const alarm = /alarm$/;

/** Takes no claim away, and keeps no answer from whoever claims. */
function isHarmless({ fault, target }: FaultEntry, { workers }: History): boolean {
  const effect = effectOf(fault);
  if (effect.by === "nothing") return !alarm.test(fault);
  if (effect.whose === "line") return target !== 0 && !workers.has(target);
  return effect.whose === "child";
}

/**
 * What is within its limit counts as it is: that of the median, of 99 of 100, or after the death of a child. Where that is passed, the time counts
 * from the end of what else went wrong meanwhile (an answer to a claim that is lost on its way, or in a worker that dies with it, costs another
 * lease; a worker that was out of reach, or stood still with a busy machine, took nothing over, and heard of no child), and only while some
 * worker had room.
 */
export function recovery(history: History, limits: RecoveryLimits): Recovery {
  const { faults, aways } = history;
  const room = new Room(history.rows);
  const disturbing = faults
    .filter((fault) => !isHarmless(fault, history))
    .map(({ fault, t, until }) => ({ t, clear: workerDeath.test(fault) ? t : until }));
  const measured = { claim: [] as number[], child: [] as number[], slot: [] as number[] };
  const halves = { claim: [] as number[], child: [] as number[] };
  const worst = { claim: { ms: -1, text: "" }, child: { ms: -1, text: "" } };
  const measure = (what: "claim" | "child", held: Hold, since: number, claim: Hold, task: TaskHistory): void => {
    const { id } = held;
    const delays = (worker: number): boolean => what === "child" || worker !== held.worker;
    const back = aways.flatMap(({ until, worker }) => (delays(worker) && until <= claim.t ? [until] : []));
    const disturbed = disturbing.reduce((at, { t, clear }) => (t < claim.t ? Math.max(at, clear) : at), since);
    const last = Math.max(disturbed, ...back);
    const raw = claim.t - since;
    const [half, all] = what === "claim" ? [limits.median, limits.p99] : [limits.child, limits.child];
    const net = raw <= half ? raw : room.between(last, claim.t);
    const ms = raw <= all ? raw : net;
    measured[what].push(ms);
    halves[what].push(net);
    if (ms > worst[what].ms) {
      const whose = what === "claim" ? "worker" : "child";
      worst[what] = { ms, text: `${id}, claimed ${String(ms)} ms after its ${whose} went` };
    }
    const start = task.starts.find(({ t, worker }) => t >= claim.t && worker === claim.worker);
    if (start) measured.slot.push(start.t - claim.t);
  };
  for (const id of history.ids) {
    const task = history.of(id);
    if (task.claims.length < 2 || task.starts.some(({ kind }) => deadly.has(kind))) continue;
    for (const [index, held] of task.claims.entries()) {
      const next = task.claims[index + 1];
      if (next?.attempt !== held.attempt) continue;
      const death = faults.findLast((fault) => interrupts(fault, held, next, task.freed));
      const child = death ? undefined : childDeath(history, held, next, task);
      if (death) measure("claim", held, Math.max(death.t, held.t), next, task);
      else if (child !== undefined) measure("child", held, child, next, task);
    }
  }
  return {
    claim: timesOf(measured.claim, halves.claim),
    child: timesOf(measured.child, halves.child),
    slot: timesOf(measured.slot),
    worst: worst.claim.text,
    worstChild: worst.child.text,
  };
}

/** A worker that goes on after a pause and puts the task back itself was not interrupted by that. */
function interrupts({ fault, target, t, until }: FaultEntry, held: Hold, next: Hold, freed: readonly Hold[]): boolean {
  if (!workerDeath.test(fault) || target !== held.worker || until < held.t || t > next.t) return false;
  const end = Math.min(...freed.filter((one) => one.worker === held.worker && one.t >= held.t).map((one) => one.t));
  return t <= end && (end > next.t || until > end || fault.startsWith("end"));
}

/** When the child in which it ran was killed, or was given a task that kills it. */
function childDeath(
  { faults, deadly: deaths }: History,
  held: Hold,
  next: Hold,
  { starts, ends }: TaskHistory,
): number | undefined {
  const within = ({ t }: { readonly t: number }): boolean => t >= held.t && t <= next.t;
  const run = starts.find((one) => within(one) && one.worker === held.worker);
  if (!run || ends.some((one) => within(one) && one.pid === run.pid)) return undefined;
  const killed = faults.find(
    (fault) => fault.fault === "kill child" && fault.target === run.pid && within(fault) && fault.t >= run.t,
  );
  return (killed ?? deaths.find((one) => one.pid === run.pid && within(one) && one.t >= run.t))?.t;
}

/** `halves`: the same times, for the median, which has a limit of its own. */
function timesOf(times: readonly number[], halves = times): Times | undefined {
  if (times.length === 0) return undefined;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number, of = sorted): number => of[Math.min(of.length - 1, Math.floor(of.length * share))] ?? 0;
  const p50 = at(
    0.5,
    halves.toSorted((a, b) => a - b),
  );
  return { count: times.length, p50, p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
