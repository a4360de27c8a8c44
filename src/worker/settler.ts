/**
 * Sends settlements to the broker, one call for all that ended in a turn, and repeats a call whose answer never came: settling is
 * idempotent, so "nobody knows" is answered by asking again until the lease is lost.
 */

import type { Clock } from "../clock/clock.ts";
import type { Broker, Consumer, Settled } from "../port/broker.ts";
import type { ResultStore } from "../port/result-store.ts";
import type { Ending } from "./ending.ts";
import type { Execution } from "./execution.ts";

export interface Entry {
  readonly ending: Ending;
  /** Absent for what intake settles without running it. */
  readonly execution: Execution | undefined;
}

export interface SettlerOptions {
  readonly broker: Broker;
  readonly store: ResultStore;
  readonly clock: Clock;
  /** Called for each entry when its settlement is known; `undefined` = the lease was lost before an answer came. */
  readonly settled: (entry: Entry, how: Settled["kind"] | undefined) => void;
  /** Round trip of one settle call, ms. */
  readonly answered: (ms: number) => void;
  /** A call failed and will be repeated. */
  readonly troubled: (error: unknown) => void;
}

const firstWait = 50;
const longestWait = 2000;

export class Settler {
  readonly #options: SettlerOptions;
  #consumer: Consumer | undefined;
  #batch: Entry[] = [];
  #scheduled = false;
  #pending = 0;
  #idle: (() => void)[] = [];
  readonly #closed = new AbortController();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Entries whose end is not known to the broker yet. */
  get pending(): number {
    return this.#pending;
  }

  attach(consumer: Consumer): void {
    this.#consumer = consumer;
  }

  add(entry: Entry): void {
    this.#pending++;
    this.#batch.push(entry);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const batch = this.#batch;
      this.#batch = [];
      void this.#send(batch);
    });
  }

  /** Resolves when nothing is pending, or when `signal` aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    if (this.#pending === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Stops repeating calls. What is unknown stays leased and comes back by its lease. */
  close(): void {
    this.#closed.abort(new Error("the worker has stopped"));
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    const late = batch.filter(({ execution }) => execution?.definition.ack !== "early");
    const early = batch.filter(({ execution }) => execution?.definition.ack === "early");
    await Promise.all([
      late.length > 0 ? this.#settle(late) : undefined,
      ...early.map((entry) => this.#settleEarly(entry)),
    ]);
    this.#pending -= batch.length;
    if (this.#pending > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #settle(batch: readonly Entry[]): Promise<void> {
    const { clock } = this.#options;
    const consumer = this.#consumer;
    if (!consumer) return;
    const before = batch.flatMap(({ ending }) => ending.before);
    const settlements = batch.map(({ ending }) => ending.settlement);
    const answers = await this.#repeat(batch, async () => {
      if (before.length > 0) await this.#options.store.commit(before);
      const sent = clock.monotonic();
      const settled = await consumer.settle(settlements);
      this.#options.answered(clock.monotonic() - sent);
      return settled;
    });
    batch.forEach((entry, index) => this.#options.settled(entry, answers?.[index]?.kind));
  }

  /** The message was acknowledged when it started, so what is left is the result and what follows. */
  async #settleEarly(entry: Entry): Promise<void> {
    const { broker, store } = this.#options;
    const { settlement, before } = entry.ending;
    const answer = await this.#repeat([entry], async () => {
      const writes = settlement.result ? [...before, settlement.result] : before;
      const stored = writes.length > 0 ? await store.commit(writes) : [];
      const next = settlement.then.kind === "replace" ? [settlement.then.next] : [];
      const follow = [...(settlement.follow ?? []), ...next];
      if (follow.length > 0) await broker.publish(follow, this.#closed.signal);
      return stored.at(-1) === "already-final" || stored.at(-1) === "fenced" ? "already-final" : "settled";
    });
    this.#options.settled(entry, answer);
  }

  /** Repeats until it answers, the worker closes, or every lease of the batch is lost. */
  async #repeat<T>(batch: readonly Entry[], call: () => Promise<T>): Promise<T | undefined> {
    let wait = firstWait;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        this.#options.troubled(error);
        const allLost = batch.every(({ ending }) => ending.settlement.delivery.lost.aborted);
        if (allLost || this.#closed.signal.aborted) return undefined;
        try {
          await this.#options.clock.sleep(wait, this.#closed.signal);
        } catch {
          return undefined;
        }
        wait = Math.min(wait * 2, longestWait);
      }
    }
  }
}
