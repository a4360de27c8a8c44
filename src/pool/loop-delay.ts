/**
 * How late the event loop of this thread comes to its timers, as a monitor sees it: the worst of the last few seconds, so that whoever asks
 * every two seconds misses no block that a look fell into, and two who ask take nothing from each other.
 */

import type { Clock } from "../clock/clock.ts";

/** Between two looks, ms: often enough for a probe a second to see a fresh figure, and too seldom to cost anything. */
const period = 1000;
/** Looks that count: a little more than the two seconds between two heartbeats. */
const window = 3;

export class LoopDelay implements Disposable {
  readonly #timer: Disposable;
  readonly #looks: number[] = [];

  constructor(clock: Clock) {
    let expected = clock.monotonic() + period;
    this.#timer = clock.every(period, () => {
      const now = clock.monotonic();
      this.#looks.push(Math.max(0, Math.round(now - expected)));
      if (this.#looks.length > window) this.#looks.shift();
      expected = now + period;
    });
  }

  /** Milliseconds; 0 before the first look. */
  get recent(): number {
    return Math.max(0, ...this.#looks);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
