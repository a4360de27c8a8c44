/** Notices when the server's clock steps: its time and our monotonic time, compared over the last ten answers. */

import type { Clock } from "../../clock/clock.ts";
import type { Millis, ServerTime } from "../../port/units.ts";

/** A smaller difference is drift, or an answer that was long on its way. */
const stepLimit = 5000;
const kept = 10;

export class ServerClock {
  readonly #clock: Clock;
  readonly #stepped: (by: Millis) => void;
  #offsets: number[] = [];
  #quietUntil = 0;

  constructor(clock: Clock, stepped: (by: Millis) => void) {
    this.#clock = clock;
    this.#stepped = stepped;
  }

  /** A time that the server just told. True if its clock has stepped since the earlier answers; `pause` is then one lease. */
  saw(server: ServerTime, pause: Millis): boolean {
    const offset = server - this.#clock.monotonic();
    const steps = this.#offsets.map((former) => offset - former);
    const largest = steps.reduce((most, step) => (Math.abs(step) > Math.abs(most) ? step : most), 0);
    if (Math.abs(largest) > stepLimit) {
      this.#offsets = [offset];
      this.#quietUntil = this.#clock.monotonic() + pause;
      this.#stepped(largest);
      return true;
    }
    this.#offsets.push(offset);
    if (this.#offsets.length > kept) this.#offsets.shift();
    return false;
  }

  /** Living holders renew with the new time meanwhile; whoever swept now would take their work. */
  get unsettled(): boolean {
    return this.#clock.monotonic() < this.#quietUntil;
  }

  /** The server's time now, as far as known. */
  now(): ServerTime {
    return this.#clock.monotonic() + (this.#offsets.at(-1) ?? this.#clock.now() - this.#clock.monotonic());
  }
}
