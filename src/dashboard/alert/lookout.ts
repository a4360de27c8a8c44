/** Looks at the whole every ten seconds, and hands what is wrong to the alarm. */

import { isAlive } from "../../event/worker-record.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import type { Inside } from "../inside.ts";
import { entriesOf, missedTick } from "../page/schedules.ts";
import { Alarm } from "./alarm.ts";
import { type AlertRules, findingsOf, type Situation } from "./rules.ts";

const every = 10_000;
const span = 300_000;
/** Deaths that are remembered. */
const mostCrashes = 10_000;
const mostMissed = 500;
/** The first look comes sooner, once there is something to see, ms. */
const first = 1_000;

export class Lookout implements Disposable {
  readonly #inside: Inside;
  readonly #rules: AlertRules;
  readonly #timer: Disposable;
  readonly #first: Disposable;
  readonly #stopping = new AbortController();
  readonly alarm: Alarm;
  #crashes: { readonly worker: string; readonly at: number }[] = [];
  /** Told by schedulers: ticks that they left out because their time was over. */
  #missed: { readonly name: string; readonly tick: number; readonly at: number }[] = [];

  constructor(inside: Inside, rules: AlertRules) {
    this.#inside = inside;
    this.#rules = rules;
    this.alarm = new Alarm(rules, inside.settings.environment, inside.clock, this.#stopping.signal);
    this.#timer = inside.clock.every(every, () => void this.look());
    this.#first = inside.clock.after(first, () => void this.look());
  }

  take(events: readonly CeleryEvent[]): void {
    for (const event of events) {
      const at = this.#inside.clock.now();
      const missed = missedIn(event);
      if (missed !== undefined) this.#missed = [...this.#missed.slice(-mostMissed), { ...missed, at }];
      if (!isDeath(event)) continue;
      this.#crashes.push({ worker: event.hostname, at });
      if (this.#crashes.length > mostCrashes) this.#crashes.shift();
    }
  }

  /** Never rejects: where the broker does not answer, it is not known that anything is wrong, nor that it is well. */
  async look(): Promise<void> {
    try {
      const situation = await this.#situation();
      this.alarm.take(findingsOf(this.#rules, situation), situation.now);
    } catch {
      // `/readyz` tells of it.
    }
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#first[Symbol.dispose]();
    this.#stopping.abort(new Error("the dashboard was closed"));
  }

  async #situation(): Promise<Situation> {
    const inside = this.#inside;
    const { clock, cluster, past } = inside;
    const now = clock.now();
    const { broker } = await inside.connect();
    const [queues, entries, series] = await Promise.all([
      broker.queues.list(),
      entriesOf(inside),
      past.series({ from: now - span, until: now }),
    ]);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const failed = sum(series.failed) + sum(series.dead);
    this.#crashes = this.#crashes.filter(({ at }) => at > now - span);
    this.#missed = this.#missed.filter(({ at }) => at > now - span);
    // The last one of each schedule; one that should have been sent by now and was not counts more.
    const missed = new Map(this.#missed.map(({ name, tick }) => [name, tick]));
    for (const entry of entries) {
      const tick = missedTick(entry, now);
      if (tick !== undefined) missed.set(entry.name, tick);
    }
    return {
      now,
      queues,
      done: sum(series.succeeded) + failed,
      failed,
      workers: cluster.workers.map((worker) => ({
        name: worker.hostname,
        online: isAlive(worker, now),
        gone: worker.gone,
        heard: worker.heard,
      })),
      missed: [...missed].map(([name, tick]) => ({ name, tick })),
      crashes: new Map(
        [...Map.groupBy(this.#crashes, ({ worker }) => worker)].map(([worker, { length }]) => [worker, length]),
      ),
    };
  }
}

/** A tick that was left out because nobody sent it in time, as `misfire` says. */
function missedIn({ type, schedule, tick, outcome, why }: CeleryEvent): { name: string; tick: number } | undefined {
  if (type !== "celeriac-schedule" || outcome !== "skipped" || (why !== "missed" && why !== "too-many"))
    return undefined;
  const planned = typeof tick === "string" ? Date.parse(tick) : Number.NaN;
  return typeof schedule === "string" && Number.isFinite(planned) ? { name: schedule, tick: planned } : undefined;
}

/** A child that ended though nobody wanted it to. */
function isDeath({ type, kind, detail }: CeleryEvent): boolean {
  const told = typeof detail === "object" && detail !== null && "expected" in detail && detail.expected === false;
  return told && type === "celeriac-child" && kind === "exited";
}
