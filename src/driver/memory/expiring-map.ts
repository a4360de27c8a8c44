/** A map whose entries end. Read after their time they are gone; memory is given back bit by bit as new entries come. */

import type { Clock } from "../../clock/clock.ts";
import type { Millis } from "../../port/units.ts";

/** Two looks at old entries for each new one: all are looked at before the map has grown by half. */
const looksPerSet = 2;

export class ExpiringMap<V> {
  readonly #clock: Clock;
  readonly #rows = new Map<string, { readonly value: V; readonly until: number }>();
  #cursor = this.#rows.entries();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Entries that take memory, those among them that are over and not yet swept. */
  get size(): number {
    return this.#rows.size;
  }

  get(key: string): V | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    if (row.until > this.#clock.monotonic()) return row.value;
    this.#rows.delete(key);
    return undefined;
  }

  /** `ttl` undefined: until it is deleted. */
  set(key: string, value: V, ttl: Millis | undefined): void {
    const now = this.#clock.monotonic();
    this.#rows.set(key, { value, until: ttl === undefined ? Infinity : now + ttl });
    for (let look = 0; look < looksPerSet; look += 1) {
      const { value: entry } = this.#cursor.next();
      if (entry === undefined) this.#cursor = this.#rows.entries();
      else if (entry[1].until <= now) this.#rows.delete(entry[0]);
    }
  }

  delete(key: string): boolean {
    return this.#rows.delete(key);
  }
}
