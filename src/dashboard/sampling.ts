/** Every few seconds, whether anybody looks or not: how full the queues are, for the history. One look at a time, and none is made up for. */

import type { QueueLevel } from "./history/levels.ts";
import type { Inside } from "./inside.ts";

/** Two in the finest step that is kept, so that no step is missed when one comes late, ms. */
const every = 5_000;

export class Sampling implements Disposable {
  readonly #inside: Pick<Inside, "clock" | "connect">;
  readonly #keep: (queues: readonly QueueLevel[]) => void;
  readonly #timer: Disposable;
  #busy = false;

  constructor(inside: Pick<Inside, "clock" | "connect">, keep: (queues: readonly QueueLevel[]) => void) {
    this.#inside = inside;
    this.#keep = keep;
    this.#timer = inside.clock.every(every, () => void this.look());
  }

  /** Never rejects: where the broker does not answer, the charts have a hole. */
  async look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { broker } = await this.#inside.connect();
      const queues = await broker.queues.list();
      this.#keep(
        queues.map(({ name, ready, oldest }) => ({
          name,
          ready: ready.reduce((sum, { count }) => sum + count, 0),
          oldest,
        })),
      );
    } catch {
      // `/readyz` tells of it.
    } finally {
      this.#busy = false;
    }
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
