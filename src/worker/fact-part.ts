/** The facts of the control state in a worker's life: known before the first task is claimed, followed until the last has ended. */

import type { WorkerInside, WorkerPart } from "./part.ts";
import { Terminations } from "./terminations.ts";

/** How often what is past its time is dropped, ms. */
const sweepEvery = 60_000;

export class FactPart implements WorkerPart {
  readonly #inside: WorkerInside;
  #sweep: Disposable | undefined;

  constructor(inside: WorkerInside) {
    const { clock, pool, flow, orders } = inside;
    this.#inside = inside;
    const { slots } = flow;
    orders.attach(new Terminations(clock, pool, slots), () => slots.waiting + slots.running.size > 0);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock, orders } = this.#inside;
    await orders.facts.start(signal);
    this.#sweep = clock.every(sweepEvery, () => orders.revocations.forgetExpired(clock.now()));
  }

  async stop(): Promise<void> {
    const { orders } = this.#inside;
    this.#sweep?.[Symbol.dispose]();
    await orders.keep();
    await orders.facts.stop();
  }
}
