/** Wakes an idle consumer when the next delayed message is due. */

import type { Clock } from "../../clock/clock.ts";
import type { ServerTime } from "../../port/units.ts";
import type { ServerClock } from "./server-clock.ts";

/** Timers of Node end at 24 days; the slow look finds what is due later anyway. */
const longest = 86_400_000;

export class DueTimer {
  readonly #clock: Clock;
  readonly #server: ServerClock;
  readonly #wake: () => void;
  #timer: Disposable | undefined;

  constructor(clock: Clock, server: ServerClock, wake: () => void) {
    this.#clock = clock;
    this.#server = server;
    this.#wake = wake;
  }

  /** Replaces the former moment. */
  set(due: ServerTime): void {
    this.clear();
    // A millisecond later: the server counts whole ones, and early is a claim for nothing.
    const wait = Math.min(Math.max(0, due - this.#server.now()) + 1, longest);
    this.#timer = this.#clock.after(wait, this.#wake);
  }

  clear(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
