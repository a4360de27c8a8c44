/**
 * Waiting for many tasks, with bounded means: all are read in slices, with longer and longer pauses while nothing happens; the next few
 * are watched besides, so that a small group is as quick as a single task. What has ended is told once and not kept.
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import { isFinal } from "../wire/outcome.ts";
import { readOutcome, type ReadOutcome } from "./outcome-reading.ts";
import type { ResultReader } from "./result-reader.ts";
import { Slices } from "./slices.ts";

/** Tasks that are watched at once; one connection serves them all. */
const mostWatched = 16;
/** Pauses between two readings, ms. */
const firstPause = 20;
const longestPause = 1_000;

export interface Ended {
  /** Place among the ids. */
  readonly index: number;
  readonly outcome: ReadOutcome;
}

/** Each end as it comes, in no order; ends after the last. Rejects when the signal aborts, or the store does not answer. */
export async function* endings(
  ids: readonly string[],
  reader: ResultReader,
  signal: AbortSignal,
): AsyncGenerator<Ended, void, undefined> {
  const over = new AbortController();
  const watching = new Watching(reader, AbortSignal.any([signal, over.signal]));
  const pending = new Map<number, string>(ids.entries());
  const slices = new Slices(reader);
  let pause = firstPause;
  try {
    for (;;) {
      const before = pending.size;
      const started = reader.clock.monotonic();
      for await (const ended of sweep(pending, slices, signal)) yield ended;
      if (pending.size < before) pause = firstPause;
      // A reading that takes long is repeated seldom.
      const rest = Math.max(pause, 4 * (reader.clock.monotonic() - started));
      pause = Math.min(longestPause, pause * 2);
      const until = reader.clock.monotonic() + rest;
      for (;;) {
        if (pending.size === 0) return;
        watching.add(pending);
        const left = until - reader.clock.monotonic();
        if (left <= 0) break;
        await watching.wait(pending.size > mostWatched ? left : undefined);
        for (const ended of watching.take(pending)) yield ended;
      }
    }
  } finally {
    over.abort(new Error("the watcher left"));
  }
}

/** What has ended of the pending, which it leaves. */
async function* sweep(
  pending: Map<number, string>,
  slices: Slices,
  signal: AbortSignal,
): AsyncGenerator<Ended, void, undefined> {
  const all = [...pending].map(([index, id]) => ({ index, id }));
  for await (const slice of slices.read(all)) {
    signal.throwIfAborted();
    for (const [{ index }, outcome] of slice) {
      if (outcome === undefined || !isFinal(outcome.state) || !pending.delete(index)) continue;
      yield { index, outcome: readOutcome(outcome) };
    }
  }
}

/** The few that are watched. */
class Watching {
  readonly #reader: ResultReader;
  readonly #signal: AbortSignal;
  readonly #watched = new Set<number>();
  #ended: Ended[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake = (): void => {};

  constructor(reader: ResultReader, signal: AbortSignal) {
    this.#reader = reader;
    this.#signal = signal;
  }

  /** As many as there is room for. */
  add(pending: ReadonlyMap<number, string>): void {
    for (const [index, id] of pending) {
      if (this.#watched.size >= mostWatched) return;
      if (this.#watched.has(index)) continue;
      this.#watched.add(index);
      void this.#watch(index, id);
    }
  }

  /** Until one of the watched ends, or for so long. Rejects when the signal aborts, or a watch failed. */
  async wait(ms: number | undefined): Promise<void> {
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    this.#signal.addEventListener("abort", wake, { once: true });
    try {
      if (this.#ended.length === 0 && this.#failure === undefined && !this.#signal.aborted) {
        const late = ms === undefined ? [] : [this.#reader.clock.sleep(ms, stop.signal).catch(() => {})];
        await Promise.race([promise, ...late]);
      }
    } finally {
      this.#signal.removeEventListener("abort", wake);
      stop.abort(new Error("woken"));
    }
    this.#signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** What has ended and nobody was told of. */
  take(pending: Map<number, string>): readonly Ended[] {
    const ended = this.#ended.filter(({ index }) => pending.delete(index));
    this.#ended = [];
    return ended;
  }

  async #watch(index: number, id: string): Promise<void> {
    try {
      for await (const outcome of this.#reader.watch(id, this.#signal)) {
        if (!isFinal(outcome.state)) continue;
        this.#ended.push({ index, outcome: readOutcome(outcome) });
        return;
      }
      this.#signal.throwIfAborted();
      throw new CeleriacError("BACKEND_CLOSED", `The app was closed before task ${id} ended.`);
    } catch (error) {
      if (!this.#signal.aborted) this.#failure ??= { error };
    } finally {
      this.#watched.delete(index);
      this.#wake();
    }
  }
}
