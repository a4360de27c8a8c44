/** How often a host is asked: never again before `interval` ms have passed since its last answer, nor while it wants to be left alone. */

import { setTimeout as sleep } from "node:timers/promises";

export class Pace {
  readonly #interval: number;
  readonly #readyAt = new Map<string, number>();
  /** Whoever had this crawl before may have asked in its last moment. */
  readonly #began = performance.now();

  constructor(interval: number) {
    this.#interval = interval;
  }

  /** The host that may be asked first, as soon as it may. */
  async turn(hosts: readonly string[], signal: AbortSignal): Promise<string> {
    const [first] = hosts.toSorted((a, b) => this.#readyOf(a) - this.#readyOf(b));
    if (first === undefined) throw new Error("there is no host to ask");
    // Timers count whole milliseconds and may come a fraction early.
    for (let left = this.#readyOf(first) - performance.now(); left > 0; left = this.#readyOf(first) - performance.now())
      await sleep(Math.ceil(left), undefined, { signal });
    return first;
  }

  /** It has answered now, and wants to be left alone for `pause` ms. */
  answered(host: string, pause: number): void {
    this.#readyAt.set(host, performance.now() + Math.max(pause, this.#interval));
  }

  #readyOf(host: string): number {
    return this.#readyAt.get(host) ?? this.#began + this.#interval;
  }
}
