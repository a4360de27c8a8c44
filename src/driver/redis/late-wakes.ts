/** Who wakes a consumer during a claim, which may have looked too early for it. */

import type { RedisDelivery } from "./delivery.ts";

export class LateWakes {
  #again = false;
  #seen: Buffer | undefined;

  /** `seen`: the envelope it was woken for, where that is known. */
  add(seen: Buffer | undefined): void {
    if (seen === undefined || this.#seen !== undefined) this.#again = true;
    this.#seen ??= seen;
  }

  clear(): void {
    this.#again = false;
    this.#seen = undefined;
  }

  /** A claim that brought these may have missed something. */
  missedBy(deliveries: readonly RedisDelivery[]): boolean {
    const seen = this.#seen;
    return this.#again || (seen !== undefined && !deliveries.some(({ raw }) => seen.equals(raw)));
  }
}
