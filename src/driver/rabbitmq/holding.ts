/** What a consumer holds, in all and of each queue. */

import type { Delivery } from "../../port/broker.ts";
import { RabbitDelivery } from "./delivery.ts";

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

/** A round trip of each channel: what it brought is its own until it ends. */
export async function stillHeld(deliveries: readonly Delivery[]): Promise<readonly boolean[]> {
  const ours = deliveries.map((delivery) => (delivery instanceof RabbitDelivery ? delivery : undefined));
  const intakes = [...new Set(ours.flatMap((delivery) => delivery?.intake ?? []))];
  const answers = await Promise.all(intakes.map((intake) => intake.lives()));
  const living = new Set(intakes.filter((_, index) => answers[index] === true));
  return ours.map((delivery) => delivery !== undefined && (delivery.detached || living.has(delivery.intake)));
}
