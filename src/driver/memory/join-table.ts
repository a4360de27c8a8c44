/** The server's joins: who has arrived, whether all have, and which of them somebody should look after. */

import type { Clock } from "../../clock/clock.ts";
import type { Arrival, Joined, JoinMember, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Millis } from "../../port/units.ts";
import { ExpiringMap } from "./expiring-map.ts";

/** So long a closed join is told from one that was never open, ms. */
const closedFor = 3_600_000;

interface Row {
  /** Absent until it is opened. */
  size: number | undefined;
  body: Uint8Array | undefined;
  readonly members: Map<string, JoinMember>;
  /** Members that were announced later. */
  readonly grown: Set<string>;
  /** In the order of their indexes; made when it is read, and absent after an arrival. */
  ordered: readonly JoinMember[] | undefined;
  full: boolean;
}

export class JoinTable {
  readonly #clock: Clock;
  readonly #rows: ExpiringMap<Row | "closed">;
  /** Those to be looked after: since when, on the monotonic clock. */
  readonly #watched = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rows = new ExpiringMap(clock);
  }

  open({ group, size, body, ttl, sending }: OpenJoin): void {
    const known = this.#rows.get(group);
    if (known === "closed" || known?.size !== undefined) return;
    const row = known ?? emptyRow();
    row.size = size;
    row.body ??= body;
    this.#rows.set(group, row, ttl);
    if (sending !== undefined) this.#watched.set(group, this.#clock.monotonic() + sending);
    this.#lookIfFull(group, row);
  }

  seal(group: string): void {
    const row = this.#rows.get(group);
    if (row !== "closed" && row?.full !== true) this.#watched.delete(group);
  }

  arrive({ group, member, index, state, value, body, ttl }: Arrival): Joined {
    const known = this.#rows.get(group);
    if (known === "closed" || (known === undefined && body === undefined))
      return { group, arrived: 0, size: undefined, full: false };
    const row = known ?? emptyRow();
    row.body ??= body;
    if (!row.members.has(member)) {
      row.members.set(member, { index, member, state, value });
      row.ordered = undefined;
    }
    this.#rows.set(group, row, ttl);
    this.#lookIfFull(group, row);
    return { group, arrived: row.members.size, size: row.size, full: row.full };
  }

  grow(group: string, member: string): boolean {
    const row = this.#rows.get(group);
    if (row === undefined || row === "closed") return false;
    if (row.grown.has(member)) return true;
    if (row.size === undefined || row.full) return false;
    row.grown.add(member);
    row.size += 1;
    return true;
  }

  look(group: string): Joined | undefined {
    const row = this.#rows.get(group);
    if (row === undefined || row === "closed") return undefined;
    return { group, arrived: row.members.size, size: row.size, full: row.full };
  }

  members(group: string, skip: number, limit: number): readonly JoinMember[] {
    const row = this.#rows.get(group);
    if (row === undefined || row === "closed") return [];
    row.ordered ??= [...row.members.values()].toSorted(byIndex);
    return row.ordered.slice(skip, skip + limit);
  }

  close(group: string): void {
    this.#rows.set(group, "closed", closedFor);
    this.#watched.delete(group);
  }

  stale(age: Millis, limit: number): readonly StaleJoin[] {
    const now = this.#clock.monotonic();
    const found: StaleJoin[] = [];
    for (const [group, since] of [...this.#watched].toSorted(([, one], [, other]) => one - other)) {
      if (since > now - age || found.length >= limit) break;
      const row = this.#rows.get(group);
      // It was kept for as long as it was to be.
      if (row === undefined || row === "closed") this.#watched.delete(group);
      else {
        this.#watched.set(group, now);
        found.push({ group, why: row.full ? "full" : "unsent", body: row.body });
      }
    }
    return found;
  }

  #lookIfFull(group: string, row: Row): void {
    if (row.full || row.size === undefined || row.members.size < row.size) return;
    row.full = true;
    this.#watched.set(group, this.#clock.monotonic());
  }
}

/** Those without an index, at infinity, as they arrived. */
function byIndex(one: JoinMember, other: JoinMember): number {
  return one.index === other.index ? 0 : one.index - other.index;
}

function emptyRow(): Row {
  return { size: undefined, body: undefined, members: new Map(), grown: new Set(), ordered: undefined, full: false };
}
