/**
 * The end of a pool. A second, shorter grace takes the place of the first.
 *
 *   let run ──(grace)──▶ aborted ──(the same again, at most 1 s)──▶ ended by force
 *      └────────────────────┴──(nothing runs any more)──▶ done
 */

import type { Clock } from "../clock/clock.ts";

/** Between the abort and the kill: long enough to close a file, short enough for a supervisor that waits. */
const afterAbort = 1000;

export interface GraceSteps {
  abort(): void;
  /** Ends what still runs; answers with its slots. */
  end(): readonly number[];
}

export class Grace {
  readonly done: Promise<readonly number[]>;
  readonly #clock: Clock;
  readonly #steps: GraceSteps;
  #resolve: (slots: readonly number[]) => void = () => {};
  #timer: Disposable | undefined;
  #phase: "let-run" | "aborted" | "ending" | "over" = "let-run";
  #endsAt: number;

  constructor(clock: Clock, grace: number, steps: GraceSteps) {
    this.#clock = clock;
    this.#steps = steps;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#endsAt = clock.monotonic() + grace;
    this.#wait(grace, grace);
  }

  shorten(grace: number): void {
    if (this.#phase === "over" || this.#clock.monotonic() + grace >= this.#endsAt) return;
    this.#endsAt = this.#clock.monotonic() + grace;
    if (this.#phase === "let-run" || grace === 0) this.#wait(grace, grace);
  }

  /** Nothing runs any more. */
  idle(): void {
    if (this.#phase === "let-run" || this.#phase === "aborted") this.#finish([]);
  }

  #wait(ms: number, grace: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (ms > 0) this.#timer = this.#clock.after(ms, () => this.#step(grace));
    else this.#step(grace);
  }

  #step(grace: number): void {
    if (this.#phase === "let-run") {
      this.#phase = "aborted";
      this.#steps.abort();
      // What aborting ended at once may have called idle().
      if (this.#over()) return;
      const more = Math.min(grace, afterAbort);
      this.#endsAt = this.#clock.monotonic() + more;
      if (more > 0) {
        this.#wait(more, more);
        return;
      }
    }
    if (this.#phase !== "aborted") return;
    // Ending them empties the pool; that is not the same as having become idle.
    this.#phase = "ending";
    this.#finish(this.#steps.end());
  }

  #over(): boolean {
    return this.#phase === "over";
  }

  #finish(slots: readonly number[]): void {
    if (this.#over()) return;
    this.#phase = "over";
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#resolve(slots);
  }
}
