/** The test's clock as the app sees it: knows which tasks wait for time to pass, so that nobody waits for them before it does. */

import type { Clock } from "../clock/clock.ts";
import { runningTask } from "../task/running.ts";

export class AppClock implements Clock {
  readonly #time: Clock;
  /** Timers of each running task, by its id. */
  readonly #waiting = new Map<string, number>();

  constructor(time: Clock) {
    this.#time = time;
  }

  /** Does this task wait for the clock? */
  isWaiting(id: string): boolean {
    return this.#waiting.has(id);
  }

  now(): number {
    return this.#time.now();
  }

  monotonic(): number {
    return this.#time.monotonic();
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const done = this.#waits();
    try {
      await this.#time.sleep(ms, signal);
    } finally {
      done();
    }
  }

  after(ms: number, run: () => void): Disposable {
    const done = this.#waits();
    const timer = this.#time.after(ms, () => {
      done();
      run();
    });
    return {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        done();
      },
    };
  }

  every(ms: number, run: () => void): Disposable {
    return this.#time.every(ms, run);
  }

  #waits(): () => void {
    const id = runningTask()?.context.id;
    if (id === undefined) return () => {};
    this.#waiting.set(id, (this.#waiting.get(id) ?? 0) + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#waiting.get(id) ?? 1) - 1;
      if (left === 0) this.#waiting.delete(id);
      else this.#waiting.set(id, left);
    };
  }
}
