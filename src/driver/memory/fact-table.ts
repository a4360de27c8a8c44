/** The server's small shared facts: one row a fact, with the version that wrote it. Deleted ones stay for a day, to be told. */

import type { Clock } from "../../clock/clock.ts";
import type { ControlFact, ControlState } from "../../port/control-state.ts";
import type { ServerTime } from "../../port/units.ts";

const toldFor = 86_400_000;

interface Row {
  readonly fact: ControlFact;
  readonly version: number;
  readonly ends: ServerTime;
}

export class FactTable {
  readonly #clock: Clock;
  /** In the order of their versions. */
  readonly #rows = new Map<string, Row>();
  #version = 0;
  /** Who is older has missed a deletion. */
  #forgotten = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changes(since: number): Awaited<ReturnType<ControlState["changes"]>> {
    const now = this.#clock.now();
    const complete = since <= 0 || since < this.#forgotten || since > this.#version;
    const changed = [...this.#rows.values()]
      .filter((row) => row.ends > now && (complete ? row.fact.value !== null : row.version > since))
      .map(({ fact }) => fact);
    return { version: this.#version, changed, complete };
  }

  has(fact: Pick<ControlFact, "kind" | "key">): boolean {
    const row = this.#rows.get(nameOf(fact));
    return row !== undefined && row.fact.value !== null && row.ends > this.#clock.now();
  }

  set(facts: readonly ControlFact[]): number {
    if (facts.length === 0) return this.#version;
    const now = this.#clock.now();
    this.#sweep(now);
    // Above every version that was ever told, also of a server that has lost its last ones.
    this.#version = Math.max(this.#version + 1, Math.floor(now));
    for (const fact of facts) {
      const { kind, key, value, until } = fact;
      this.#rows.delete(nameOf(fact));
      const kept = { kind, key, value, ...(value !== null && until !== undefined && { until }) };
      const ends = value === null ? now + toldFor : (until ?? Infinity);
      this.#rows.set(nameOf(fact), { fact: kept, version: this.#version, ends });
    }
    return this.#version;
  }

  replace(fact: ControlFact, value: string | null): boolean {
    const row = this.#rows.get(nameOf(fact));
    const present = row !== undefined && row.ends > this.#clock.now() ? row.fact.value : null;
    if (present !== value) return false;
    this.set([fact]);
    return true;
  }

  #sweep(now: ServerTime): void {
    for (const [name, row] of this.#rows) {
      if (row.ends > now) continue;
      this.#rows.delete(name);
      if (row.fact.value === null) this.#forgotten = Math.max(this.#forgotten, row.version);
    }
  }
}

function nameOf({ kind, key }: Pick<ControlFact, "kind" | "key">): string {
  return `${kind}:${key}`;
}
