/** When a worker beats: at each interval while anybody may hear it, and now and then while nobody does. */

import type { Clock } from "../clock/clock.ts";
import type { Millis } from "../port/units.ts";

/** Of the beats that nobody hears one in so many is sent. A monitor that comes asks for one, and then all that follow are heard. */
const oneOf = 5;

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly every: Millis;
  /** Nobody heard the last one. */
  readonly unheard: () => boolean;
  readonly beat: () => void;
}

export class Heartbeat implements Disposable {
  readonly #timer: Disposable;

  constructor({ clock, every, unheard, beat }: HeartbeatOptions) {
    let leftOut = 0;
    this.#timer = clock.every(every, () => {
      if (unheard() && ++leftOut < oneOf) return;
      leftOut = 0;
      beat();
    });
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
