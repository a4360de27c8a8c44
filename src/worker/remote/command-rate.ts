/**
 * How many commands of remote control a worker obeys: 100 a second, and 500 at once after a quiet time. What is over that is answered with a
 * refusal, and from as much again on not at all, so that a flood of questions costs a worker little and others' inboxes no more.
 */

import type { Clock } from "../../clock/clock.ts";

const perSecond = 100;
const atOnce = 500;
/** Between two warnings, ms. */
const warnEvery = 60_000;

/** The answer to what is refused. */
export const overRate: string = `too many commands: this worker takes ${String(perSecond)} a second`;

class Bucket {
  readonly #clock: Clock;
  #left = atOnce;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  take(): boolean {
    const now = this.#clock.monotonic();
    this.#left = Math.min(atOnce, this.#left + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

export class CommandRate {
  readonly #clock: Clock;
  readonly #warn: (text: string) => void;
  readonly #obeyed: Bucket;
  readonly #refused: Bucket;
  #warned = -Infinity;

  constructor(clock: Clock, warn: (text: string) => void) {
    this.#clock = clock;
    this.#warn = warn;
    this.#obeyed = new Bucket(clock);
    this.#refused = new Bucket(clock);
  }

  /** "drop": not even a refusal is sent. */
  admit(): "obey" | "refuse" | "drop" {
    if (this.#obeyed.take()) return "obey";
    const now = this.#clock.monotonic();
    if (now - this.#warned >= warnEvery) {
      this.#warned = now;
      this.#warn(
        `more than ${String(perSecond)} commands of remote control came in a second, and were refused or passed over`,
      );
    }
    return this.#refused.take() ? "refuse" : "drop";
  }
}
