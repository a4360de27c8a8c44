/**
 * The time of the server that holds the messages, reckoned from what it said at our claims. Each claim's answer was a while on its
 * way, so of the last few the one that lets the server's clock stand furthest ahead is nearest to the truth.
 */

import type { Clock } from "../clock/clock.ts";

/** Claims that are looked back on: a clock that was set back is followed after as many. */
const remembered = 16;

export class ServerTime {
  readonly #own: Clock | undefined;
  /** Server's wall clock minus our monotonic one, newest last. */
  readonly #offsets: number[] = [];
  /** The greatest of them; asked for with every task. */
  #ahead = -Infinity;

  /** `own`: the clock of this process, where the broker goes by that and has none to tell. It may step, and is then followed at once. */
  constructor(own?: Clock) {
    this.#own = own;
  }

  /**
   * A claim of this moment, by the server's clock, has come at `monotonic` of ours. Answers when that was by ours: long ago, if it
   * lay in a buffer while this process was stopped. A server's clock that was set back makes as many claims look old as are
   * looked back on, which costs these a way back.
   */
  saw(claimedAt: number, monotonic: number): number {
    if (this.#own !== undefined) return monotonic;
    this.#offsets.push(claimedAt - monotonic);
    if (this.#offsets.length > remembered) this.#offsets.shift();
    this.#ahead = Math.max(...this.#offsets);
    return claimedAt - this.#ahead;
  }

  /** Unix ms; call it after the first claim. */
  now(monotonic: number): number {
    if (this.#own !== undefined) return this.#own.now();
    return Math.round(this.#ahead + monotonic);
  }
}
