/** Whether this process was stopped for so long that leases may be over though it has not heard of it: the server knows, it does not. */

import type { Clock } from "../clock/clock.ts";
import { machineTime } from "../clock/machine-time.ts";

export class Turning {
  readonly #clock: Clock;
  readonly #longestGap: number;
  /** Monotonic ms when this process was last seen turning. */
  #turned: number;
  /** Monotonic ms when it was first seen after the last pause that was too long. */
  #woke = -Infinity;

  /** `longestGap`: a pause, ms, that leaves every lease standing. */
  constructor(clock: Clock, longestGap: number) {
    this.#clock = clock;
    this.#longestGap = longestGap;
    this.#turned = clock.monotonic();
  }

  /**
   * True after a pause that was too long, until {@link seen}: the end of this turn at the latest. Claims that were on their way when it
   * began are here by then; what is claimed later is safe, and would be claimed and put back in a circle.
   */
  gap(now: number): boolean {
    if (!this.#isLate(now)) return false;
    setImmediate(() => this.seen(this.#clock.monotonic()));
    return true;
  }

  seen(now: number): void {
    if (this.#isLate(now)) this.#woke = now;
    this.#turned = now;
  }

  /** Was there such a pause after `since` (monotonic ms)? */
  slept(since: number): boolean {
    return since <= this.#woke || this.#isLate(this.#clock.monotonic());
  }

  /**
   * Until when the lease of what was claimed at `claimed` (monotonic ms) surely stands, ms of the machine's monotonic clock:
   * for a child, which may have slept longer than we did. A moment of the past if there was a pause since.
   */
  sureUntil(claimed: number): number {
    if (claimed <= this.#woke) return 1;
    return Math.floor(machineTime() - (this.#clock.monotonic() - this.#turned) + this.#longestGap);
  }
  #isLate(now: number): boolean {
    return now - this.#turned > this.#longestGap;
  }
}
