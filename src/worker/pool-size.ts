/** How large a worker's pool is, while it runs: asked for by remote control and by the autoscaler, and told to all who reckon with it. */

import type { Pool } from "../pool/pool.ts";
import type { WorkerSettings } from "./worker-settings.ts";

export class PoolSize {
  readonly #pool: Pool;
  readonly #changed: () => void;
  /** Children for one slot; as many as at the start, also when there are more slots. */
  readonly #share: number;
  #slots: number;

  /** `changed` is called when there may be more room, or less. */
  constructor(
    pool: Pool,
    { concurrency, processes }: Pick<WorkerSettings, "concurrency" | "processes">,
    changed: () => void,
  ) {
    this.#pool = pool;
    this.#changed = changed;
    this.#slots = concurrency;
    this.#share = processes / concurrency;
  }

  get slots(): number {
    return this.#slots;
  }

  /** What runs runs on, also where there are fewer slots than that now. At least one stays. */
  async resize(slots: number): Promise<void> {
    this.#slots = Math.max(1, slots);
    const children = Math.max(1, Math.round(this.#slots * this.#share));
    await this.#pool.resize(this.#slots, children);
    this.#changed();
  }
}
