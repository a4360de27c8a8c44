/** How a worker itself is: what it weighs, and how late its loops are, its own and those of its children. */

import type { Clock } from "../clock/clock.ts";
import { LoopDelay } from "../pool/loop-delay.ts";
import type { Pool } from "../pool/pool.ts";

export class Vitals implements Disposable {
  readonly #pool: Pool;
  readonly #delay: LoopDelay;

  constructor(clock: Clock, pool: Pool) {
    this.#pool = pool;
    this.#delay = new LoopDelay(clock);
  }

  /** `rss`: resident bytes of the worker's process and its children's. `lag`: of the slowest loop among them, whole ms. */
  now(): { readonly rss: number; readonly lag: number } {
    let rss = process.memoryUsage.rss();
    let lag = this.#delay.recent;
    for (const child of this.#pool.size.children) {
      // A thread weighs within its process.
      if (child.pid !== process.pid) rss += child.rss;
      lag = Math.max(lag, child.lag);
    }
    return { rss, lag };
  }

  [Symbol.dispose](): void {
    this.#delay[Symbol.dispose]();
  }
}
