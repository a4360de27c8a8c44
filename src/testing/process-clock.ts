/**
 * The test's clock as one worker sees it. What the worker waits for dies with it; and while there is nothing to look after, its
 * housekeeping (a heartbeat every 2 s, a look at leases every 5 s, four looks a second at what waits) is done once, just before something is
 * due, or a test could not let three days pass in no time.
 */

import type { Clock } from "../clock/clock.ts";
import { sleepOn } from "./virtual-clock.ts";

interface Chore {
  /** `undefined`: once. */
  readonly period: number | undefined;
  readonly run: () => void;
  next: number;
  timer: Disposable | undefined;
}

export class ProcessClock implements Clock {
  readonly #time: Clock;
  readonly #busy: () => boolean;
  readonly #timers = new Set<Disposable>();
  readonly #chores = new Set<Chore>();
  #dead = false;

  /** `busy`: something is leased, so all must be looked after at its time. Whoever makes that true calls {@link wake}. */
  constructor(time: Clock, busy: () => boolean) {
    this.#time = time;
    this.#busy = busy;
  }

  now(): number {
    return this.#time.now();
  }

  monotonic(): number {
    return this.#time.monotonic();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  after(ms: number, run: () => void): Disposable {
    // What an idle worker waits for is its next look at something.
    if (!this.#busy())
      return this.#add({ period: undefined, run, next: this.#time.monotonic() + ms, timer: undefined });
    if (this.#dead) return nothing;
    const timer = this.#time.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        this.#timers.delete(timer);
      },
    };
  }

  every(ms: number, run: () => void): Disposable {
    const period = Math.max(1, ms);
    return this.#add({ period, run, next: this.#time.monotonic() + period, timer: undefined });
  }

  /** There is something to look after from now on. */
  wake(): void {
    for (const chore of this.#chores) this.#arm(chore);
  }

  /** Does all that an idle worker would have done by now. Before the moment of what is due: what it claims in that very one it would give back, as one that slept. */
  round(): void {
    const now = this.#time.monotonic();
    const overdue = [...this.#chores].filter((chore) => chore.timer === undefined && chore.next <= now);
    for (const chore of overdue) if (this.#chores.has(chore)) this.#do(chore);
  }

  /** Nothing that waits here goes on. */
  kill(): void {
    this.#dead = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    for (const { timer } of this.#chores) timer?.[Symbol.dispose]();
    this.#timers.clear();
    this.#chores.clear();
  }

  #add(chore: Chore): Disposable {
    if (this.#dead) return nothing;
    this.#chores.add(chore);
    if (this.#busy()) this.#arm(chore);
    return {
      [Symbol.dispose]: () => {
        chore.timer?.[Symbol.dispose]();
        this.#chores.delete(chore);
      },
    };
  }

  #arm(chore: Chore): void {
    if (this.#dead || chore.timer !== undefined) return;
    chore.timer = this.#time.after(chore.next - this.#time.monotonic(), () => {
      chore.timer = undefined;
      this.#do(chore);
      if (this.#chores.has(chore) && this.#busy()) this.#arm(chore);
    });
  }

  #do(chore: Chore): void {
    if (chore.period === undefined) this.#chores.delete(chore);
    else chore.next = this.#time.monotonic() + chore.period;
    chore.run();
  }
}

const nothing: Disposable = { [Symbol.dispose]: () => {} };
