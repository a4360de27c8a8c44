/** Buckets: a row each, on the machine's monotonic clock. After a reboot that clock is another one: a bucket is then at worst empty once. */

import type { Bucket, Granted, LimitAsk } from "../../port/limits.ts";
import { type BucketState, bucketOf, forgottenAt, takeToken } from "../../port/rate-law.ts";
import type { Database, Statement } from "./database.ts";
import type { LineOrder } from "./line-order.ts";
import { Places } from "./places.ts";
import type { Turn } from "./turn.ts";

export class LimitRows {
  readonly places: Places;
  readonly #bucket: Statement;
  readonly #setBucket: Statement;

  constructor(db: Database, order: LineOrder) {
    this.places = new Places(db, order);
    this.#bucket = db.prepare(`SELECT interval, burst, "full", promised FROM celeriac_bucket WHERE key = ?`);
    this.#setBucket = db.prepare(
      `INSERT OR REPLACE INTO celeriac_bucket (key, interval, burst, "full", promised, until) VALUES (?,?,?,?,?,?)`,
    );
  }

  take(ask: LimitAsk, turn: Turn): Granted {
    if (ask.kind === "slots") return this.places.take(ask, turn);
    const { key } = ask;
    const { mono, now } = turn;
    const { state, granted } = takeToken(this.#read(key), ask, mono);
    const { interval, burst, full, promised } = state;
    const until = Math.ceil(now + forgottenAt(state) - mono);
    this.#setBucket.run(key, interval, burst, full, promised, until);
    return granted;
  }

  look(key: string, mono: number): Bucket | undefined {
    const state = this.#read(key);
    return state === undefined || forgottenAt(state) <= mono ? undefined : bucketOf(state, mono);
  }

  #read(key: string): BucketState | undefined {
    const row = this.#bucket.get(key);
    if (row === undefined) return undefined;
    const [interval, burst, full, promised] = row as [number, number, number, number];
    return { interval, burst, full, promised };
  }
}
