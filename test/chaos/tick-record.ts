/** What the store says of ticks: which are used up, whether something was sent for it, and when that was seen. Asked now and then, for the store keeps the last thousand. */

import type { FiredTick } from "../../src/port/lease.ts";

export interface Used {
  /** Nothing was sent if absent: the scheduler's own note that it left the tick out. */
  readonly id: string | undefined;
  /** Unix ms at which it stood there; it was used up before. */
  readonly by: number;
}

export type AskFired = (schedule: string, limit: number) => Promise<readonly FiredTick[]>;

/** Looked at each time; more where the newest that is known is not among them. */
const few = 20;
const all = 1_000;

export class TickRecord {
  readonly #ask: AskFired;
  readonly #now: () => number;
  readonly #used = new Map<string, Map<number, Used>>();

  constructor(ask: AskFired, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  of(schedule: string): ReadonlyMap<number, Used> {
    return this.#used.get(schedule) ?? new Map<number, Used>();
  }

  /** Takes over what is new. Rejects where the store does not answer; what it has then is found the next time. */
  async look(schedule: string): Promise<void> {
    const known = this.#used.get(schedule) ?? new Map<number, Used>();
    this.#used.set(schedule, known);
    let fired = await this.#ask(schedule, few);
    if (fired.length === few && !fired.some(({ tick }) => known.has(tick))) fired = await this.#ask(schedule, all);
    const by = this.#now();
    for (const { tick, id } of fired) if (!known.has(tick)) known.set(tick, { id, by });
  }
}
