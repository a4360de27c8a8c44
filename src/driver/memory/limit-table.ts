/** The server's buckets and slots. What is over is forgotten when somebody asks. */

import type { Clock } from "../../clock/clock.ts";
import type { Bucket, Granted, LimitAsk } from "../../port/limits.ts";
import { type BucketState, bucketOf, forgottenAt, type SlotHolder, takeSlot, takeToken } from "../../port/rate-law.ts";

/** Looked at for each call, ms. */
const sweepEvery = 1_000;

export class LimitTable {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, BucketState>();
  readonly #slots = new Map<string, Map<string, SlotHolder>>();
  #swept = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    this.#sweep(this.#clock.monotonic());
    return this.#buckets.size + this.#slots.size;
  }

  take(ask: LimitAsk): Granted {
    const now = this.#clock.monotonic();
    if (now - this.#swept >= sweepEvery) this.#sweep(now);
    if (ask.kind === "rate") {
      const { state, granted } = takeToken(this.#buckets.get(ask.key), ask, now);
      this.#buckets.set(ask.key, state);
      return granted;
    }
    const { key, holder, lease } = ask;
    const holders = this.#slots.get(key) ?? new Map<string, SlotHolder>();
    const granted = takeSlot([...holders.values()], ask, now);
    if (granted.ok) this.#slots.set(key, holders.set(holder, { holder, lease, until: now + lease }));
    return granted;
  }

  give(key: string, holder: string): void {
    const holders = this.#slots.get(key);
    holders?.delete(holder);
    if (holders?.size === 0) this.#slots.delete(key);
  }

  look(key: string): Bucket | undefined {
    const state = this.#buckets.get(key);
    const now = this.#clock.monotonic();
    return state === undefined || forgottenAt(state) <= now ? undefined : bucketOf(state, now);
  }

  #sweep(now: number): void {
    this.#swept = now;
    for (const [key, state] of this.#buckets) if (forgottenAt(state) <= now) this.#buckets.delete(key);
    for (const [key, holders] of this.#slots) {
      for (const { holder, until } of holders.values()) if (until <= now) this.give(key, holder);
    }
  }
}
