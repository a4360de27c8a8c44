/**
 * Time that stands still until a test moves it. Due timers run in order, and whatever they set going in promises settles
 * before the next one runs; real I/O (sockets, threads, files) does not turn with it.
 */

import type { Clock } from "../clock/clock.ts";

interface Timer {
  at: number;
  readonly order: number;
  readonly period: number | undefined;
  readonly run: () => void;
}

/** Some moment of 2026, so that times read like times and fences made of microseconds stay safe integers. */
const someMoment = Date.UTC(2026, 0, 15, 12);

/**
 * A clock for tests.
 *
 * @example
 * ```ts
 * import { VirtualClock } from "celeriac/testing";
 * const clock = new VirtualClock();
 * let rings = 0;
 * using _bell = clock.every(1_000, () => void (rings += 1));
 * await clock.advance(3_000);
 * console.log(rings); // 3
 * ```
 */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #wall: number;
  #elapsed = 0;
  #order = 0;
  #moving: Promise<void> = Promise.resolve();

  readonly #settle: () => Promise<void>;
  readonly #leap: (() => void) | undefined;

  /**
   * `start` is the wall clock's first reading, unix ms. `settle`: what is awaited after each timer; default: one turn of the loop. `leap`:
   * called a millisecond before the next timer's moment where that is further away.
   */
  constructor(start: number = someMoment, settle: () => Promise<void> = settled, leap?: () => void) {
    this.#wall = start;
    this.#settle = settle;
    this.#leap = leap;
  }

  now(): number {
    return this.#wall + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  every(ms: number, run: () => void): Disposable {
    // A period of nothing would hold `advance` at one instant for ever.
    const period = Math.max(1, ms);
    return this.#add({ at: this.#elapsed + period, order: this.#order++, period, run });
  }

  after(ms: number, run: () => void): Disposable {
    return this.#add({ at: this.#elapsed + Math.max(0, ms), order: this.#order++, period: undefined, run });
  }

  /** Milliseconds until the first timer is due; `undefined` where none waits. */
  get next(): number | undefined {
    const timer = this.#next(Infinity);
    return timer === undefined ? undefined : Math.max(0, timer.at - this.#elapsed);
  }

  /** Timers that still wait. 0 after everything under test was closed. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Lets `ms` milliseconds pass: runs each timer that comes due at its own moment, in order. Calls made meanwhile queue up.
   * Rejects with what a timer's callback throws.
   */
  advance(ms: number): Promise<void> {
    const moved = this.#moving.then(() => this.#advance(ms));
    this.#moving = moved.catch(() => {});
    return moved;
  }

  /** Sets the wall clock forward or back, as an administrator would. The monotonic clock and all timers stay as they are. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  async #advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.#settle();
    for (;;) {
      const timer = this.#next(end);
      const to = timer?.at ?? end;
      if (this.#leap !== undefined && to - this.#elapsed > 1) {
        this.#elapsed = to - 1;
        this.#leap();
        await this.#settle();
        continue; // it may have set another timer
      }
      if (timer === undefined) break;
      this.#elapsed = Math.max(this.#elapsed, timer.at);
      if (timer.period === undefined) this.#timers.delete(timer);
      else timer.at += timer.period;
      timer.run();
      await this.#settle();
    }
    this.#elapsed = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  }

  #add(timer: Timer): Disposable {
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }
}

/** A sleep that is made of one timer. */
export function sleepOn(clock: Pick<Clock, "after">, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const stop = (): void => {
      timer[Symbol.dispose]();
      reject(signal.reason as Error);
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** One turn of the loop: by then every chain of promises that waits for nothing outside has run to its end. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
