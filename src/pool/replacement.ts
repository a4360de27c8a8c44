/** Drain and replace, one child at a time: a successor is ready before its predecessor takes no more calls. */

import type { Clock } from "../clock/clock.ts";
import type { Child } from "./child.ts";

export class Replacement {
  readonly #clock: Clock;
  /** How long the next child waits for the calls of the last. */
  readonly #patience: number;
  #current: { readonly child: Child; resolve(): void; reject(error: Error): void } | undefined;
  #running: Promise<void> | undefined;

  constructor(clock: Clock, patience: number) {
    this.#clock = clock;
    this.#patience = patience;
  }

  /** Rejects, and leaves the rest as they are, when a successor does not come up. A second call joins the first. */
  run(children: readonly Child[]): Promise<void> {
    return (this.#running ??= this.#run(children).finally(() => {
      this.#running = undefined;
    }));
  }

  /** The child takes no more calls, or is gone: its successor is ready, or the pool closes. */
  over(child: Child): void {
    if (this.#current?.child === child) this.#current.resolve();
  }

  failed(error: Error): void {
    this.#current?.child.keep();
    this.#current?.reject(error);
  }

  async #run(children: readonly Child[]): Promise<void> {
    for (const child of children) {
      if (!child.accepts) continue;
      await new Promise<void>((resolve, reject) => {
        this.#current = { child, resolve, reject };
        child.expire();
      }).finally(() => {
        this.#current = undefined;
      });
      // A task of hours must not hold up the rest; its child ends when it ends.
      await new Promise<void>((resolve) => {
        const pause = this.#clock.after(this.#patience, resolve);
        void child.ended.then(() => {
          pause[Symbol.dispose]();
          resolve();
        });
      });
    }
  }
}
