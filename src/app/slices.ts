/** Reading many results, a slice at a time: as many as are likely to fit into bounded memory, by the size of those that were read. */

import type { StoredOutcome } from "../port/result-store.ts";
import type { ResultReader } from "./result-reader.ts";

/** Ids in one question to the store: at first, and at most. */
const firstSlice = 100;
const longestSlice = 500;
/** Results in memory at once, bytes. */
const mostBytes = 16 * 1024 * 1024;

export class Slices {
  readonly #reader: ResultReader;
  #read = 0;
  #bytes = 0;

  constructor(reader: ResultReader) {
    this.#reader = reader;
  }

  /** What is stored of each, in the order of the ids. Whoever asks for the next has let go of the last. */
  async *read<T extends { readonly id: string }>(
    all: readonly T[],
  ): AsyncGenerator<readonly (readonly [T, StoredOutcome | undefined])[], void, undefined> {
    for (let at = 0; at < all.length;) {
      const slice = all.slice(at, at + this.#length);
      const outcomes = await this.#reader.readMany(slice.map(({ id }) => id));
      for (const outcome of outcomes) {
        if (outcome === undefined) continue;
        this.#read += 1;
        this.#bytes += outcome.meta.byteLength;
      }
      at += slice.length;
      yield slice.map((each, index) => [each, outcomes[index]] as const);
    }
  }

  get #length(): number {
    if (this.#read === 0) return firstSlice;
    return Math.max(1, Math.min(longestSlice, Math.floor((mostBytes * this.#read) / this.#bytes)));
  }
}
