/** What is known of the attempts of each task: the last of them, kept while the task may come to an end that tells of them. */

import type { Clock } from "../../clock/clock.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";
import type { Millis } from "../../port/units.ts";
import { ExpiringMap } from "./expiring-map.ts";

const kept = 20;
const life: Millis = 7 * 24 * 3_600_000;

export class AttemptLog {
  readonly #records: ExpiringMap<readonly AttemptRecord[]>;

  constructor(clock: Clock) {
    this.#records = new ExpiringMap(clock);
  }

  /** A message without an id has none. */
  add(id: string | undefined, record: AttemptRecord): void {
    if (id !== undefined) this.#records.set(id, [...(this.#records.get(id) ?? []), record].slice(-kept), life);
  }

  /** All there are; from now on none. */
  take(id: string | undefined): readonly AttemptRecord[] {
    if (id === undefined) return [];
    const records = this.#records.get(id) ?? [];
    this.#records.delete(id);
    return records;
  }
}
