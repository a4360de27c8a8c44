/**
 * Tells watchers of results what is stored, also by other processes: a look at SQLite's change counter (2.5 µs), often while a
 * watcher is young and seldom when it has waited long, and one query for all ids when it moved.
 */

import type { Clock } from "../../clock/clock.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import type { Database } from "./database.ts";
import type { Results } from "./results.ts";

/** The first is for who calls and waits: a result stored by another process is in his hands after 2.8 ms, and was after 3.7 with a look every 2 ms. */
const paces = [
  { until: 100, every: 1 },
  { until: 2_000, every: 2 },
  { until: 30_000, every: 10 },
  { until: Infinity, every: 50 },
] as const;
/** With thousands of watchers a look takes milliseconds; the thread has other work for this many times as long. */
const share = 10;

interface Watched {
  readonly id: string;
  readonly since: number;
  last: Uint8Array | undefined;
}

export class Watching {
  readonly #db: Database;
  readonly #results: Results;
  readonly #clock: Clock;
  readonly #tell: (watch: number, outcome: StoredOutcome) => void;
  readonly #watches = new Map<number, Watched>();
  readonly #ids = new Map<string, Set<number>>();
  #timer: Disposable | undefined;
  #version = -1;
  #took = 0;

  constructor(db: Database, results: Results, clock: Clock, tell: (watch: number, outcome: StoredOutcome) => void) {
    this.#db = db;
    this.#results = results;
    this.#clock = clock;
    this.#tell = tell;
  }

  add(watch: number, id: string): void {
    this.#watches.set(watch, { id, since: this.#clock.monotonic(), last: undefined });
    const group = this.#ids.get(id);
    if (group === undefined) this.#ids.set(id, new Set([watch]));
    else group.add(watch);
    this.#look([id]);
    this.#schedule();
  }

  remove(watch: number): void {
    const watched = this.#watches.get(watch);
    if (watched === undefined) return;
    this.#watches.delete(watch);
    const group = this.#ids.get(watched.id);
    group?.delete(watch);
    if (group?.size === 0) this.#ids.delete(watched.id);
  }

  /** What this connection stored itself, which its own change counter does not show. */
  stored(ids: readonly string[]): void {
    if (this.#ids.size === 0) return;
    const known = ids.filter((id) => this.#ids.has(id));
    if (known.length > 0) this.#look(known);
  }

  close(): void {
    this.#watches.clear();
    this.#ids.clear();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#watches.size === 0) return;
    const youngest = [...this.#watches.values()].reduce((latest, { since }) => Math.max(latest, since), 0);
    const age = this.#clock.monotonic() - youngest;
    const pace = paces.find(({ until }) => age < until)?.every ?? 50;
    this.#timer = this.#clock.after(Math.max(pace, this.#took * share), () => {
      this.#timer = undefined;
      this.#tick();
      this.#schedule();
    });
  }

  #tick(): void {
    const version = this.#db.version();
    if (version === this.#version) return;
    this.#version = version;
    const began = this.#clock.monotonic();
    this.#look([...this.#ids.keys()]);
    this.#took = this.#clock.monotonic() - began;
  }

  #look(ids: readonly string[]): void {
    for (const outcome of this.#results.get(ids, this.#clock.now())) {
      if (outcome === undefined) continue;
      for (const watch of this.#ids.get(outcome.id) ?? []) {
        const watched = this.#watches.get(watch);
        if (watched === undefined) continue;
        if (watched.last !== undefined && Buffer.compare(watched.last, outcome.meta) === 0) continue;
        watched.last = outcome.meta;
        this.#tell(watch, outcome);
      }
    }
  }
}
