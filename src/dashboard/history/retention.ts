/**
 * Forgetting, oldest first, by age and by size: a few hundred tasks a transaction, so that nothing waits for it. A task goes with all that
 * belongs to it, and the time before the newest that went is no longer told of.
 */

import type { Database } from "./database.ts";
import { forgetLevels } from "./levels.ts";
import { recordColumns, recordOf } from "./record.ts";
import { levelOf, states } from "./schema.ts";
import { steps } from "./tally.ts";
import type { Words } from "./words.ts";

/** Tasks forgotten in one go: some 30 ms. */
const stride = 500;
/** What is not tasks is looked through once a minute. */
const pause = 60_000;
/** Samples of workers are thinned out after a day: one of sixty stays. */
const fine = 24 * 3_600_000;
const thinned = 600_000;
/** Forgetting begins at this share of the size, so that the file is never larger than it may be. */
const headroom = 0.95;

export class Retention {
  readonly #database: Database;
  readonly #maxAge: number;
  readonly #maxBytes: number;
  readonly #words: Words;
  #next = 0;

  constructor(database: Database, words: Words, maxAge: number, maxBytes: number) {
    this.#database = database;
    this.#words = words;
    this.#maxAge = maxAge;
    this.#maxBytes = maxBytes;
  }

  /** One go. `more`: call again soon. `forgot`: names and records in memory may be gone. */
  sweep(now: number): { readonly more: boolean; readonly forgot: boolean } {
    const database = this.#database;
    const old = now - this.#maxAge;
    const tooLarge = this.#used() > this.#maxBytes * headroom;
    const rows = this.#oldest(tooLarge ? Infinity : old);
    database.transaction("BEGIN IMMEDIATE", () => {
      let horizon = 0;
      for (const [id, since] of rows) {
        this.#forget(id);
        horizon = Math.max(horizon, Math.min(since, now));
      }
      if (horizon > 0) this.#moveHorizon(horizon);
      if (now < this.#next && now > this.#next - pause) return;
      this.#next = now + pause;
      this.#forgetTimes(now, Math.max(old, database.number("SELECT value FROM fact WHERE key = 'horizon'")));
    });
    // Pages are used again; they are given back only where the limit was lowered.
    if (database.number("PRAGMA page_count") * database.number("PRAGMA page_size") > this.#maxBytes)
      database.exec("PRAGMA incremental_vacuum(500)");
    return { more: rows.length === stride, forgot: rows.length > 0 };
  }

  /** Bytes in use. */
  #used(): number {
    const database = this.#database;
    const pages = database.number("PRAGMA page_count") - database.number("PRAGMA freelist_count");
    return pages * database.number("PRAGMA page_size");
  }

  /** Those whose last change is the longest ago, and before `limit`. */
  #oldest(limit: number): readonly (readonly [id: number, since: number])[] {
    const query = this.#database.query(
      "SELECT id, since FROM task WHERE state = ? AND since < ? ORDER BY since LIMIT ?",
    );
    const most = Number.isFinite(limit) ? limit : Number.MAX_SAFE_INTEGER;
    return states
      .flatMap((_, state) => query.all(state, most, stride) as unknown as (readonly [number, number])[])
      .toSorted((a, b) => a[1] - b[1])
      .slice(0, stride);
  }

  #forget(id: number): void {
    const database = this.#database;
    const row = database.query(`SELECT ${recordColumns} FROM task WHERE id = ?`).get(id);
    if (!row) return;
    const drop = database.query("DELETE FROM past WHERE level = ? AND start = ? AND task = ?");
    for (const { from, until } of recordOf("", row, this.#words).life.spans.slice(0, -1))
      drop.run(levelOf(until - from), from, id);
    database.query("DELETE FROM log WHERE task = ?").run(id);
    database.query("DELETE FROM task WHERE id = ?").run(id);
  }

  #forgetTimes(now: number, horizon: number): void {
    const database = this.#database;
    for (const { step, keep } of steps) {
      const before = Math.max(horizon - step, now - keep - step);
      database.query("DELETE FROM tally WHERE step = ? AND bucket < ?").run(step, before);
    }
    forgetLevels(database, now, horizon);
    database
      .query("DELETE FROM flow WHERE changed < ? AND NOT EXISTS (SELECT 1 FROM task WHERE flow = flow.id)")
      .run(horizon);
    for (const table of ["flow_name", "planned"])
      database.query(`DELETE FROM ${table} WHERE NOT EXISTS (SELECT 1 FROM flow WHERE flow.id = flow)`).run();
    database.query("DELETE FROM shift WHERE until < ?").run(horizon);
    for (const [worker = 0] of database.query("SELECT DISTINCT worker FROM sample").all()) {
      database.query("DELETE FROM sample WHERE worker = ? AND at < ?").run(worker, horizon);
      database
        .query("DELETE FROM sample WHERE worker = ? AND at BETWEEN ? AND ? AND at % ? <> 0")
        .run(worker, now - 2 * fine, now - fine, thinned);
    }
    database.query("DELETE FROM incident WHERE at < ?").run(horizon);
    database.query("DELETE FROM tick WHERE sent < ?").run(horizon);
    database.query("DELETE FROM gap WHERE until < ?").run(horizon);
  }

  #moveHorizon(horizon: number): void {
    this.#database
      .query(
        "INSERT INTO fact (key, value) VALUES ('horizon', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
      )
      .run(horizon);
  }
}
