/**
 * Keys that take turns, numbered as in start-time fair queueing: a message's turn is one more than the last of its key, at least the lowest that
 * waits. So who sends seldom comes next, however many wait of another.
 */

import type { HeldMessage } from "./held-message.ts";

/** Keys that are remembered before those are looked for that have had their last turn. */
const mostKeys = 1_000;

export class FairLine {
  /** The last one is next. */
  #items: HeldMessage[] = [];
  readonly #turns = new Map<string, number>();
  #last = 0;

  get size(): number {
    return this.#items.length;
  }

  push(item: HeldMessage): void {
    const key = item.fair ?? "";
    const lowest = this.peek()?.turn ?? 1;
    const turn = Math.max((this.#turns.get(key) ?? 0) + 1, lowest);
    if (this.#turns.size > mostKeys) {
      for (const [other, last] of this.#turns) if (last < lowest) this.#turns.delete(other);
    }
    this.#turns.set(key, turn);
    item.turn = turn;
    item.place = ++this.#last;
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.turn ?? 0) > turn) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, 0, item);
  }

  /** What was interrupted had its turn already. */
  unshift(item: HeldMessage): void {
    item.turn = (this.peek()?.turn ?? 1) - 1;
    item.place = ++this.#last;
    this.#items.push(item);
  }

  peek(): HeldMessage | undefined {
    return this.#items.at(-1);
  }

  shift(): HeldMessage | undefined {
    const item = this.#items.pop();
    if (item !== undefined) item.turn = undefined;
    if (this.#items.length === 0) this.#turns.clear();
    return item;
  }

  has(item: HeldMessage): boolean {
    return this.#items.includes(item);
  }

  /** Takes it out, if it is there. */
  remove(item: HeldMessage): void {
    const place = this.#items.indexOf(item);
    if (place >= 0) this.#items.splice(place, 1);
    item.turn = undefined;
  }

  /** Empties it; says how many there were. */
  clear(): number {
    const { size } = this;
    this.#items = [];
    this.#turns.clear();
    return size;
  }

  *[Symbol.iterator](): Generator<HeldMessage> {
    yield* this.#items.toReversed();
  }
}
