/** Two ways to wait: a line, first in, first out, with a way back to its front; and a timetable, ordered by moment. */

import type { ServerTime } from "../../port/units.ts";
import type { HeldMessage } from "./held-message.ts";

/** Items gone from the head are cut off this many at a time, so that taking one costs nothing. */
const slack = 1024;

export class Line {
  /** The next one is last. */
  #front: HeldMessage[] = [];
  #back: HeldMessage[] = [];
  #head = 0;
  #first = 0;
  #last = 0;

  get size(): number {
    return this.#front.length + this.#back.length - this.#head;
  }

  peek(): HeldMessage | undefined {
    return this.#front.at(-1) ?? this.#back[this.#head];
  }

  shift(): HeldMessage | undefined {
    const item = this.#front.pop();
    if (item !== undefined) return item;
    const next = this.#back[this.#head];
    if (next === undefined) return undefined;
    this.#head += 1;
    if (this.#head >= slack && this.#head * 2 >= this.#back.length) {
      this.#back = this.#back.slice(this.#head);
      this.#head = 0;
    }
    return next;
  }

  push(item: HeldMessage): void {
    item.place = ++this.#last;
    this.#back.push(item);
  }

  unshift(item: HeldMessage): void {
    item.place = --this.#first;
    this.#front.push(item);
  }

  /** Takes it out, wherever it stands. */
  remove(item: HeldMessage): void {
    const front = this.#front.indexOf(item);
    if (front >= 0) this.#front.splice(front, 1);
    const back = this.#back.indexOf(item, this.#head);
    if (back >= 0) this.#back.splice(back, 1);
  }

  has(item: HeldMessage): boolean {
    return this.#front.includes(item) || this.#back.includes(item, this.#head);
  }

  /** Empties the line; says how many there were. */
  clear(): number {
    const { size } = this;
    this.#front = [];
    this.#back = [];
    this.#head = 0;
    return size;
  }

  *[Symbol.iterator](): Generator<HeldMessage> {
    yield* this.#front.toReversed();
    for (let index = this.#head; index < this.#back.length; index += 1) yield this.#back[index] as HeldMessage;
  }
}

export class Timetable {
  /** Latest first, so that the next one is taken from the end. */
  #items: HeldMessage[] = [];
  #last = 0;

  get size(): number {
    return this.#items.length;
  }

  get next(): ServerTime | undefined {
    return this.#items.at(-1)?.due;
  }

  /** Binary search and one move of memory: 100 000 delayed messages are inserted in microseconds each. */
  add(item: HeldMessage, due: ServerTime): void {
    item.due = due;
    item.place = ++this.#last;
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.due ?? 0) > due) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, 0, item);
  }

  takeDue(now: ServerTime): HeldMessage | undefined {
    const { next } = this;
    return next !== undefined && next <= now ? this.#items.pop() : undefined;
  }

  /** False if it is not there. */
  remove(item: HeldMessage): boolean {
    const place = this.#items.indexOf(item);
    if (place >= 0) this.#items.splice(place, 1);
    return place >= 0;
  }

  clear(): number {
    const { size } = this;
    this.#items = [];
    return size;
  }

  *[Symbol.iterator](): Generator<HeldMessage> {
    yield* this.#items.toReversed();
  }
}
