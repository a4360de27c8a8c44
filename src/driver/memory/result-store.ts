/** The result store port over a server in this process. */

import type { Joins } from "../../port/joins.ts";
import type { Ledger } from "../../port/ledger.ts";
import type { Checkpoints, ResultStore, ResultWrite, StoredOutcome } from "../../port/result-store.ts";
import type { Warning } from "../../port/units.ts";
import { MemoryJoins } from "./joins.ts";
import { MemoryLedger } from "./ledger.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryResultStore implements ResultStore {
  readonly features: ResultStore["features"] = { manyReaders: true, watch: true };
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  readonly joins: Joins;
  readonly server: MemoryServer;
  readonly #session: Session;

  constructor(server: MemoryServer, session: Session) {
    this.server = server;
    this.#session = session;
    this.ledger = new MemoryLedger(server, session);
    this.joins = new MemoryJoins(server, session);
    this.checkpoints = {
      async read(id) {
        session.ensureOpen();
        return server.results.readPoints(id);
      },
      async write(id, fence, name, value, ttl) {
        session.ensureOpen();
        return server.results.writePoint(id, fence, name, value, ttl);
      },
    };
  }

  async open(signal: AbortSignal): Promise<readonly Warning[]> {
    signal.throwIfAborted();
    this.#session.open();
    return [];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async commit(batch: readonly ResultWrite[]): ReturnType<ResultStore["commit"]> {
    this.#session.ensureOpen();
    return batch.map((write) => this.server.results.commit(write));
  }

  async get(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]> {
    this.#session.ensureOpen();
    return ids.map((id) => this.server.results.get(id));
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome> {
    this.#session.ensureOpen();
    const ended = AbortSignal.any([signal, this.#session.signal]);
    const news: { readonly outcome: StoredOutcome; readonly final: boolean }[] = [];
    let ring = (): void => {};
    const onEnd = (): void => ring();
    ended.addEventListener("abort", onEnd);
    using _watching = this.server.results.watch(id, (outcome, final) => {
      news.push({ outcome, final });
      ring();
    });
    try {
      for (;;) {
        ended.throwIfAborted();
        const next = news.shift();
        if (next === undefined) {
          await new Promise<void>((resolve) => (ring = resolve));
          continue;
        }
        yield next.outcome;
        if (next.final) return;
      }
    } finally {
      ended.removeEventListener("abort", onEnd);
    }
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#session.ensureOpen();
    for (const id of ids) this.server.results.forget(id);
  }
}
