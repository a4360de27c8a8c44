/** Ids of tasks: UUIDv7 where the caller names none, so that they sort by time and spread evenly in an index. */

import { Buffer } from "node:buffer";
import { randomFillSync, randomUUID } from "node:crypto";
import { CeleriacError } from "../error/celeriac-error.ts";

/** A new UUIDv7 for this moment, unix milliseconds. */
export function newTaskId(now: number): string {
  // randomUUID keeps a pool of entropy, which makes this cheaper than own bytes.
  return frontOf(now) + randomUUID().slice(frontLength);
}

/**
 * The same for who needs many. They are written as bytes: `randomUUID` puts each together of twenty texts, half a kilobyte of garbage, which is a
 * tenth of all that a call leaves behind. And ids of one millisecond begin alike.
 */
export class TaskIds {
  readonly #text = Buffer.from("00000000-0000-7000-8000-000000000000");
  /** A byte for each place behind the front, for many ids. */
  readonly #random = Buffer.alloc(128 * (this.#text.length - frontLength));
  #used = this.#random.length;
  #now: number | undefined;

  next(now: number): string {
    const text = this.#text;
    if (now !== this.#now) {
      this.#now = now;
      text.write(frontOf(now));
    }
    if (this.#used === this.#random.length) {
      randomFillSync(this.#random);
      this.#used = 0;
    }
    for (let place = frontLength; place < text.length; place++) {
      const random = this.#random[this.#used++] ?? 0;
      if (place === variantPlace) text[place] = digits[8 + (random & 3)] ?? 0;
      else if (text[place] !== hyphen) text[place] = digits[random & 15] ?? 0;
    }
    return text.toString("latin1");
  }
}

const digits = Buffer.from("0123456789abcdef");
const hyphen = 0x2d;
/** Where 8, 9, a or b stands. */
const variantPlace = 19;
const frontLength = 15;

/** 48 bits of time, which come before 74 random ones. */
function frontOf(now: number): string {
  const time = Math.trunc(now).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7`;
}

/** Throws NAME_INVALID unless `id` may name a task: 1 to 200 characters without blanks and control characters. */
export function checkTaskId(id: unknown): asserts id is string {
  if (typeof id === "string" && /^[^\s\p{Cc}]{1,200}$/u.test(id)) return;
  throw new CeleriacError(
    "NAME_INVALID",
    `A task's id is 1 to 200 characters without blanks or control characters, not ${(JSON.stringify(id) ?? String(id)).slice(0, 80)}.`,
  );
}
