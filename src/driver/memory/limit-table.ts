/** The server's buckets and slots. What is over is forgotten when somebody asks. */

import type { Clock } from "../../clock/clock.ts";
import type { Bucket, Granted, LimitAsk } from "../../port/limits.ts";
import { type BucketState, bucketOf, forgottenAt, takeToken } from "../../port/rate-law.ts";
import { PlaceTable } from "./place-table.ts";

/** Looked at for each call, ms. */
const sweepEvery = 1_000;

export class LimitTable {
  readonly places: PlaceTable;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, BucketState>();
  #swept = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.places = new PlaceTable(clock);
  }

  get size(): number {
    this.#sweep(this.#clock.monotonic());
    return this.#buckets.size + this.places.size;
  }

  take(ask: LimitAsk): Granted {
    const now = this.#clock.monotonic();
    if (now - this.#swept >= sweepEvery) this.#sweep(now);
    if (ask.kind === "slots") return this.places.take(ask);
    const { state, granted } = takeToken(this.#buckets.get(ask.key), ask, now);
    this.#buckets.set(ask.key, state);
    return granted;
  }

  look(key: string): Bucket | undefined {
    const state = this.#buckets.get(key);
    const now = this.#clock.monotonic();
    return state === undefined || forgottenAt(state) <= now ? undefined : bucketOf(state, now);
  }

  #sweep(now: number): void {
    this.#swept = now;
    for (const [key, state] of this.#buckets) if (forgottenAt(state) <= now) this.#buckets.delete(key);
    this.places.sweep(now);
  }
}
