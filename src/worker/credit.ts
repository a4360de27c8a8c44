/**
 * How many deliveries to hold. More than there are free slots keeps work from idle neighbours; just the free slots costs a
 * round trip a task. So: the slots, plus what this worker finishes in two round trips, at most four times the slots. With
 * tasks of a second that is nothing ahead; with no-op tasks and a hundred slots it is a few hundred.
 */

import type { Clock } from "../clock/clock.ts";

/** Weight of the newest sample. 0.3 follows a change of load within about ten settle calls. */
const weight = 0.3;
/** Tasks ended in two round trips, below which waiting for the broker costs a slot less than a twentieth of its time. */
const least = 0.1;

/**
 * Ended tasks on their way to the broker take no room from new ones, up to so many. Beyond, a broker that answers claims faster than
 * settlements would be claimed empty: the memory broker's whole backlog ran in one turn, with no timer and no socket served.
 */
const mostUnsettled = 1000;

export class Credit {
  readonly #clock: Clock;
  readonly #size: { readonly slots: number };
  #rate = 0;
  #roundTrip = 1;
  #finished = 0;
  #since: number;

  /** `size` may change. */
  constructor(clock: Clock, size: { readonly slots: number }) {
    this.#clock = clock;
    this.#size = size;
    this.#since = clock.monotonic();
  }

  /** `count` executions ended. */
  finished(count: number): void {
    this.#finished += count;
  }

  /** The broker took `ms` to answer. */
  answered(ms: number): void {
    this.#roundTrip += weight * (ms - this.#roundTrip);
  }

  /**
   * Deliveries that may be held now. `unsettled` of them have ended: with short tasks the next are claimed while the last are being
   * settled; with long ones that would take them from neighbours. `away` run though they are held no longer.
   */
  hold(unsettled: number, away: number): number {
    const ahead = this.#ahead();
    return Math.max(0, this.#size.slots - away + ahead + (ahead > 0 ? Math.min(unsettled, mostUnsettled) : 0));
  }

  #ahead(): number {
    const now = this.#clock.monotonic();
    const elapsed = now - this.#since;
    // Below 20 ms a sample says more about the timer than about the tasks.
    if (elapsed >= 20) {
      this.#rate += weight * ((this.#finished * 1000) / elapsed - this.#rate);
      this.#finished = 0;
      this.#since = now;
    }
    const ended = (this.#rate * 2 * this.#roundTrip) / 1000;
    return ended < least ? 0 : Math.min(4 * this.#size.slots, Math.ceil(ended));
  }
}
