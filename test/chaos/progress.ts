/**
 * Whether the queue went on, from the journal alone: for how long something could have been claimed, some worker that could be reached had
 * room, no server was away, and yet nothing was claimed or ended; and how soon after the last fault all was done.
 */

import { effectOf } from "./fault-effects.ts";
import type { FaultEntry, History } from "./history.ts";
import type { ProgressLimits } from "./limits.ts";
import { type Absence, Room } from "./room.ts";
import type { BrokerName } from "./stage.ts";
import { isAdrift, wasStepped } from "./timing-check.ts";
import { firstOf } from "./workload.ts";

export interface Progress {
  /** Ms, net of outages: the longest time in which nothing went on that could have. */
  readonly stall: number;
  /** What waited then, as text; "" if nothing ever did. */
  readonly worst: string;
  /** Ms from the end of the last fault, or the last word that a task was accepted, until nothing was held any more. */
  readonly drained: number;
}

/** One line for each limit that was passed. */
export function stuck({ stall, worst, drained }: Progress, limits: ProgressLimits): string[] {
  const lines: string[] = [];
  if (stall > limits.stall)
    lines.push(`wedge: for ${String(stall)} ms, more than ${String(limits.stall)}, nothing went on: ${worst}`);
  if (drained > limits.drain)
    lines.push(
      `drain: the last task ended ${String(drained)} ms after the last fault, more than ${String(limits.drain)}`,
    );
  return lines;
}

/** Ms for which a task that threw may wait for its next attempt: the last of five pauses that double, and its jitter. */
const longestRetry = 2000;

export function progress(history: History, broker: BrokerName): Progress {
  const { faults, aways, acceptedAt } = history;
  const steps: number[] = [];
  const waits: Wait[] = [];
  for (const id of history.ids) {
    const { claims, freed, ends } = history.of(id);
    for (const { t } of [...claims, ...freed, ...ends]) steps.push(t);
    waits.push(...retriesOf(id, history, broker));
  }
  for (const [id, kind] of history.accepted) {
    const at = Math.max(acceptedAt.get(id) ?? Infinity, history.due.get(id)?.at ?? 0);
    for (const first of firstOf({ id, kind })) {
      const claim = history.of(first).claims[0]?.t;
      if (claim !== undefined && claim > at && !isAdrift(id, claim, history, broker))
        waits.push({ id: first, from: at, until: claim });
    }
  }
  steps.sort((a, b) => a - b);
  const last = steps.at(-1) ?? 0;
  const room = new Room(history.rows, [...aways, ...shutOut(faults, history)]);
  const blocked = new Cover([
    ...room.none.map(([from, until]) => ({ from, until })),
    ...faults.filter((fault) => isOutage(fault, broker)).map(({ t, until }) => ({ from: t, until })),
  ]);
  return { ...longest(waits, steps, blocked), drained: Math.max(0, last - lastCause(history, last)) };
}

interface Span {
  readonly from: number;
  readonly until: number;
}

interface Wait extends Span {
  readonly id: string;
}

/** A task that threw is claimable again when its pause is over; one that began by a clock which was set right since ends with that clock. */
function retriesOf(id: string, history: History, broker: BrokerName): Wait[] {
  const { claims, freed } = history.of(id);
  return claims.flatMap((claim, index) => {
    const former = claims[index - 1];
    if (former === undefined || claim.attempt !== former.attempt + 1) return [];
    const end = freed.findLast(({ t, attempt }) => t <= claim.t && attempt === former.attempt)?.t;
    const from = (end ?? Infinity) + longestRetry;
    return from < claim.t && !wasStepped(end ?? claim.t, claim.t, history, broker)
      ? [{ id, from, until: claim.t }]
      : [];
  });
}

/** Times in which one worker's line was dead. */
function shutOut(faults: readonly FaultEntry[], { workers }: History): Absence[] {
  return faults.flatMap(({ fault, target, t, until }) => {
    const effect = effectOf(fault);
    const own = effect.by !== "nothing" && effect.whose === "line" && workers.has(target);
    return own ? [{ t, until, worker: target }] : [];
  });
}

const alarm = /alarm$/;
const pause = /^stop (?:worker|machine|scheduler|dashboard)$/;

/** Nobody can claim. Of an SQLite file also while somebody stands still who may do so in the midst of a write. */
function isOutage({ fault, target }: FaultEntry, broker: BrokerName): boolean {
  const effect = effectOf(fault);
  if (alarm.test(fault)) return true;
  if (broker === "sqlite" && pause.test(fault)) return true;
  if (effect.by === "nothing" || effect.by === "death") return false;
  return effect.whose === "all" || (effect.whose === "line" && target === 0);
}

/** What had to be over before all could be done; not what came after that. */
function lastCause({ faults, acceptedAt, due }: History, last: number): number {
  const times = [...due.values()].map(({ at }) => at);
  const causes = [...faults.filter(({ t }) => t <= last).map(({ until }) => until), ...acceptedAt.values(), ...times];
  return causes.reduce((latest, t) => Math.max(latest, t), 0);
}

function longest(waits: readonly Wait[], steps: readonly number[], blocked: Cover): { stall: number; worst: string } {
  let found = { stall: 0, worst: "" };
  let at = 0;
  for (const { from, until } of joined(waits)) {
    let since = from;
    while (at < steps.length && (steps[at] ?? 0) <= from) at++;
    for (; since < until; at++) {
      const to = Math.min(steps[at] ?? until, until);
      const stall = Math.round(to - since - blocked.within(since, to));
      if (stall > found.stall) {
        const waited =
          waits.find((wait) => wait.from <= since && wait.until >= to) ?? waits.find((wait) => wait.until > since);
        found = {
          stall,
          worst: `${waited?.id ?? "something"} could be claimed from ${String(since)} to ${String(to)}`,
        };
      }
      since = to;
      if (to === until) break;
    }
  }
  return found;
}

/** As they are, those that touch as one, in order. */
function joined(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const { from, until } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last === undefined || from > last.until) all.push({ from, until });
    else if (until > last.until) all[all.length - 1] = { from: last.from, until };
  }
  return all;
}

/** How much of any time is covered by some spans. */
class Cover {
  readonly #spans: readonly Span[];
  /** Ms covered before each span. */
  readonly #before: readonly number[];

  constructor(spans: readonly Span[]) {
    this.#spans = joined(spans.map(({ from, until }) => ({ from: Math.max(from, 0), until })));
    let sum = 0;
    this.#before = this.#spans.map(({ from, until }) => {
      const before = sum;
      sum += until - from;
      return before;
    });
  }

  within(from: number, until: number): number {
    return this.#upTo(until) - this.#upTo(from);
  }

  #upTo(t: number): number {
    const index = this.#indexAt(t);
    const span = this.#spans[index];
    return span === undefined ? 0 : (this.#before[index] ?? 0) + Math.min(t, span.until) - span.from;
  }

  /** The last span that has begun, -1 for none. */
  #indexAt(t: number): number {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#spans[middle]?.from ?? Infinity) <= t) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
