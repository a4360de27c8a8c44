/** The queue file as a result store, with checkpoints. All watchers of a process share one look at the file. */

import type { Joins } from "../../port/joins.ts";
import type { Ledger } from "../../port/ledger.ts";
import type { Checkpoints, ResultStore, ResultWrite, StoredOutcome } from "../../port/result-store.ts";
import type { Warning } from "../../port/units.ts";
import { isFinal } from "../../wire/outcome.ts";
import { SqliteJoins } from "./joins.ts";
import { SqliteLedger } from "./ledger.ts";
import type { Link, NoticeOf } from "./link.ts";

interface Watcher {
  readonly outcomes: StoredOutcome[];
  wake: (() => void) | undefined;
  error: Error | undefined;
}

export class SqliteStore implements ResultStore {
  readonly features: ResultStore["features"] = { manyReaders: true, watch: true };
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  readonly joins: Joins;
  readonly #link: Link;
  readonly #watchers = new Map<number, Watcher>();
  #count = 0;

  constructor(link: Link) {
    this.#link = link;
    this.ledger = new SqliteLedger(link);
    this.joins = new SqliteJoins(link);
    this.checkpoints = {
      async read(id) {
        return new Map(await link.ask("readPoints", id));
      },
      write: (id, fence, name, value, ttl) => link.ask("writePoint", { id, fence, name, value, ttl }),
    };
  }

  async open(signal: AbortSignal): Promise<readonly Warning[]> {
    signal.throwIfAborted();
    return this.#link.open();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  commit(batch: readonly ResultWrite[]): ReturnType<ResultStore["commit"]> {
    if (batch.length === 0) return Promise.resolve([]);
    return this.#link.call((parcel, call) => {
      const from = parcel.resultCount;
      for (const result of batch) parcel.addResult(result);
      return { k: "ask", call, ask: "commit", input: { from, count: batch.length } };
    });
  }

  get(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]> {
    return ids.length === 0 ? Promise.resolve([]) : this.#link.ask("get", ids);
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome, void, undefined> {
    signal.throwIfAborted();
    const watch = this.#count++;
    const watcher: Watcher = { outcomes: [], wake: undefined, error: undefined };
    this.#watchers.set(watch, watcher);
    const release = this.#link.hold();
    const wake = (): void => watcher.wake?.();
    signal.addEventListener("abort", wake, { once: true });
    try {
      await this.#link.ask("watch", { watch, id });
      for (;;) {
        signal.throwIfAborted();
        const outcome = watcher.outcomes.shift();
        if (outcome !== undefined) {
          yield outcome;
          if (isFinal(outcome.state)) return;
          continue;
        }
        if (watcher.error !== undefined) throw watcher.error;
        await new Promise<void>((resolve) => {
          watcher.wake = resolve;
        });
        watcher.wake = undefined;
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#watchers.delete(watch);
      this.#link.tell({ k: "unwatch", watch });
      release();
    }
  }

  async forget(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#link.ask("forget", ids);
  }

  state({ watch, outcome }: NoticeOf<"state">): void {
    const watcher = this.#watchers.get(watch);
    watcher?.outcomes.push(outcome);
    watcher?.wake?.();
  }

  ended(error: Error): void {
    for (const watcher of this.#watchers.values()) {
      watcher.error = error;
      watcher.wake?.();
    }
  }
}
