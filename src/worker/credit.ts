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

export class Credit {
  readonly #clock: Clock;
  #slots: number;
  #rate = 0;
  #roundTrip = 1;
  #finished = 0;
  #since: number;

  constructor(clock: Clock, slots: number) {
    this.#clock = clock;
    this.#slots = slots;
    this.#since = clock.monotonic();
  }

  set slots(slots: number) {
    this.#slots = slots;
  }

  /** `count` executions ended. */
  finished(count: number): void {
    this.#finished += count;
  }

  /** The broker took `ms` to answer. */
  answered(ms: number): void {
    this.#roundTrip += weight * (ms - this.#roundTrip);
  }

  /** Deliveries to hold beyond the slots, now. */
  ahead(): number {
    const now = this.#clock.monotonic();
    const elapsed = now - this.#since;
    // Below 20 ms a sample says more about the timer than about the tasks.
    if (elapsed >= 20) {
      this.#rate += weight * ((this.#finished * 1000) / elapsed - this.#rate);
      this.#finished = 0;
      this.#since = now;
    }
    const ended = (this.#rate * 2 * this.#roundTrip) / 1000;
    return ended < least ? 0 : Math.min(4 * this.#slots, Math.ceil(ended));
  }
}
