/** Ids of tasks: UUIDv7 where the caller names none, so that they sort by time and spread evenly in an index. */

import { randomUUID } from "node:crypto";
import { CeleriacError } from "../error/celeriac-error.ts";

/** A new UUIDv7 for this moment, unix milliseconds. */
export function newTaskId(now: number): string {
  // randomUUID keeps a pool of entropy, which makes this cheaper than own bytes.
  return frontOf(now) + randomUUID().slice(frontLength);
}

/** The same for who needs many: ids of one millisecond begin alike, and to write that takes longer than the rest. */
export class TaskIds {
  #now: number | undefined;
  #front = "";

  next(now: number): string {
    if (now !== this.#now) {
      this.#now = now;
      this.#front = frontOf(now);
    }
    return this.#front + randomUUID().slice(frontLength);
  }
}

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
