/** Whether this process was stopped for so long that leases may be over though it has not heard of it: the server knows, it does not. */

import type { Clock } from "../clock/clock.ts";
import { machineTime } from "../clock/machine-time.ts";

export class Turning {
  readonly #clock: Clock;
  readonly #longestGap: number;
  /** Monotonic ms when this process was last seen turning. */
  #turned: number;

  /** `longestGap`: a pause, ms, that leaves every lease standing. */
  constructor(clock: Clock, longestGap: number) {
    this.#clock = clock;
    this.#longestGap = longestGap;
    this.#turned = clock.monotonic();
  }

  /** True after a pause that was too long, until {@link seen}. */
  gap(now: number): boolean {
    return now - this.#turned > this.#longestGap;
  }

  seen(now: number): void {
    this.#turned = now;
  }

  /** Until when the leases surely stand, ms of the machine's monotonic clock: for a child, which may have slept longer than we did. */
  get sureUntil(): number {
    return Math.floor(machineTime() - (this.#clock.monotonic() - this.#turned) + this.#longestGap);
  }
}
