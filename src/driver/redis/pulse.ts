/** A sleep that can be cut short. */

import type { Clock } from "../../clock/clock.ts";
import type { Millis } from "../../port/units.ts";

/** Resolves after `ms`; rejects at once when the signal aborts, whatever the clock does. */
export function rest(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
  return new Pulse(clock, signal).sleep(ms);
}

/** The rest of this turn goes first: to wait anew for the next message is in no hurry while one begins to run. */
export function aside(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class Pulse {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #wake: (() => void) | undefined;
  #poked = false;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Ends the sleep that runs, or the next one at once. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  /** Without a time: until poked. Rejects when the signal aborts. */
  async sleep(ms?: Millis): Promise<void> {
    this.#signal.throwIfAborted();
    if (!this.#poked) {
      await new Promise<void>((resolve, reject) => {
        const timer = ms === undefined ? undefined : this.#clock.after(ms, () => done(resolve));
        const end = (): void => done(() => reject(this.#signal.reason as Error));
        const done = (then: () => void): void => {
          timer?.[Symbol.dispose]();
          this.#signal.removeEventListener("abort", end);
          this.#wake = undefined;
          then();
        };
        this.#wake = () => done(resolve);
        this.#signal.addEventListener("abort", end, { once: true });
      });
    }
    this.#poked = false;
  }
}
