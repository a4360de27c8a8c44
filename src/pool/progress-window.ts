/** Progress, thinned out: at most one report per slot and 100 ms, the last one wins, and none comes after the slot's end. */

import type { Clock } from "../clock/clock.ts";
import type { ProgressItem } from "./reply-frame.ts";

const window = 100;

export class ProgressWindow implements Disposable {
  readonly #clock: Clock;
  readonly #send: (items: readonly ProgressItem[]) => void;
  /** May reports go out now? When not (a full pipe), they wait for the next window. */
  readonly #open: () => boolean;
  readonly #pending = new Map<number, ProgressItem>();
  #timer: Disposable | undefined;

  constructor(clock: Clock, send: (items: readonly ProgressItem[]) => void, open: () => boolean) {
    this.#clock = clock;
    this.#send = send;
    this.#open = open;
  }

  add(item: ProgressItem): void {
    if (this.#timer === undefined && this.#open()) {
      this.#send([item]);
      this.#arm();
      return;
    }
    this.#pending.set(item[0], item);
    if (this.#timer === undefined) this.#arm();
  }

  /** To be called before the slot's reply is sent: what it said last goes first. */
  end(slot: number): void {
    if (this.#pending.size === 0) return;
    const item = this.#pending.get(slot);
    if (!item) return;
    this.#pending.delete(slot);
    this.#send([item]);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.after(window, () => {
      this.#timer = undefined;
      if (this.#pending.size === 0) return;
      if (this.#open()) {
        this.#send([...this.#pending.values()]);
        this.#pending.clear();
      }
      this.#arm();
    });
  }
}
