/** Buckets and slots: a row each, on the machine's monotonic clock. After a reboot that clock is another one: a bucket is then at worst empty once. */

import type { Bucket, Granted, LimitAsk } from "../../port/limits.ts";
import { type BucketState, bucketOf, forgottenAt, takeSlot, takeToken } from "../../port/rate-law.ts";
import type { Database, Statement } from "./database.ts";
import type { Turn } from "./turn.ts";

export class LimitRows {
  readonly #bucket: Statement;
  readonly #setBucket: Statement;
  readonly #holders: Statement;
  readonly #hold: Statement;
  readonly #giveBack: Statement;

  constructor(db: Database) {
    this.#bucket = db.prepare(`SELECT interval, burst, "full", promised FROM celeriac_bucket WHERE key = ?`);
    this.#setBucket = db.prepare(
      `INSERT OR REPLACE INTO celeriac_bucket (key, interval, burst, "full", promised, until) VALUES (?,?,?,?,?,?)`,
    );
    this.#holders = db.prepare("SELECT holder, ends, lease FROM celeriac_slot WHERE key = ?");
    this.#hold = db.prepare(
      "INSERT OR REPLACE INTO celeriac_slot (key, holder, ends, lease, until) VALUES (?,?,?,?,?)",
    );
    this.#giveBack = db.prepare("DELETE FROM celeriac_slot WHERE key = ? AND holder = ?");
  }

  take(ask: LimitAsk, { mono, now }: Turn): Granted {
    const { key } = ask;
    if (ask.kind === "rate") {
      const { state, granted } = takeToken(this.#read(key), ask, mono);
      const { interval, burst, full, promised } = state;
      const until = Math.ceil(now + forgottenAt(state) - mono);
      this.#setBucket.run(key, interval, burst, full, promised, until);
      return granted;
    }
    const holders = this.#holders.all(key).map(([holder, until, lease]) => ({
      holder: holder as string,
      until: until as number,
      lease: lease as number,
    }));
    const granted = takeSlot(holders, ask, mono);
    const { holder, lease } = ask;
    if (granted.ok) this.#hold.run(key, holder, mono + lease, lease, Math.ceil(now + lease));
    return granted;
  }

  give(key: string, holder: string): void {
    this.#giveBack.run(key, holder);
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
