/** What a consumer holds, in all and of each queue. */

import type { RabbitDelivery } from "./delivery.ts";

export class Holding {
  readonly #held = new Set<RabbitDelivery>();
  readonly #ofQueue = new Map<string, number>();

  get size(): number {
    return this.#held.size;
  }

  get ofQueue(): ReadonlyMap<string, number> {
    return this.#ofQueue;
  }

  has(delivery: RabbitDelivery): boolean {
    return this.#held.has(delivery);
  }

  /** Members may be removed meanwhile. */
  [Symbol.iterator](): Iterator<RabbitDelivery> {
    return this.#held.values();
  }

  add(delivery: RabbitDelivery): void {
    this.#held.add(delivery);
    this.#ofQueue.set(delivery.queue, (this.#ofQueue.get(delivery.queue) ?? 0) + 1);
  }

  /** False if it was not there. */
  remove(delivery: RabbitDelivery): boolean {
    if (!this.#held.delete(delivery)) return false;
    const left = (this.#ofQueue.get(delivery.queue) ?? 1) - 1;
    if (left === 0) this.#ofQueue.delete(delivery.queue);
    else this.#ofQueue.set(delivery.queue, left);
    return true;
  }
}
