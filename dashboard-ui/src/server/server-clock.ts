/** The server's clock, by which all ages are counted, and its tick once a second. The viewer's own clock may be wrong by hours. */

const tick = 1_000;

export class ServerClock {
  #ahead = 0;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #shown = this.now();

  now(): number {
    return Date.now() + this.#ahead;
  }

  /** The server said it is `now`, in the middle of a question that took `took` ms. */
  set(now: number, took: number): void {
    this.#ahead = now + took / 2 - Date.now();
    this.#turn();
  }

  /** The second that is shown; the same until the next tick. */
  readonly shown = (): number => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.#turn(), tick);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };

  #turn(): void {
    this.#shown = this.now();
    for (const listener of this.#listeners) listener();
  }
}
