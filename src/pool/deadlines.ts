/**
 * Soft and hard limits of many calls with one timer. The timer stands at the earliest deadline; entries that end before it are
 * merely forgotten, so that ten thousand short calls with a limit of 30 s cost one timer, not ten thousand.
 */

import type { Clock } from "../clock/clock.ts";

export interface Limited {
  /** Monotonic ms at which to call `due`; moved on by `due`, or `Infinity` to be forgotten. */
  deadline: number;
  due(now: number): void;
}

export class Deadlines implements Disposable {
  readonly #clock: Clock;
  readonly #entries = new Set<Limited>();
  #timer: Disposable | undefined;
  #next = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(entry: Limited): void {
    if (entry.deadline === Infinity) return;
    this.#entries.add(entry);
    this.#arm(entry.deadline);
  }

  delete(entry: Limited): void {
    this.#entries.delete(entry);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#next = Infinity;
    this.#entries.clear();
  }

  #arm(at: number): void {
    if (at >= this.#next) return;
    this.#timer?.[Symbol.dispose]();
    this.#next = at;
    // Timers fire up to 1 ms early; one more is cheaper than a second round.
    const wait = Math.max(1, Math.ceil(at - this.#clock.monotonic()));
    // Through the poll phase: after a pause of this process, replies that came in time are read before anything is overdue.
    this.#timer = this.#clock.after(wait, () => setImmediate(() => this.#sweep()));
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#next = Infinity;
    const now = this.#clock.monotonic();
    let next = Infinity;
    // One entry's end may end others; a set skips what is deleted while it is walked.
    for (const entry of this.#entries) {
      if (entry.deadline <= now) entry.due(now);
      if (entry.deadline === Infinity) this.#entries.delete(entry);
      else if (entry.deadline < next) next = entry.deadline;
    }
    if (next !== Infinity) this.#arm(next);
  }
}
