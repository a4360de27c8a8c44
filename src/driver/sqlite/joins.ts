/** The queue file as a place of joins. */

import type { Arrival, Joined, JoinMember, Joins, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Millis } from "../../port/units.ts";
import type { Link } from "./link.ts";
import { inPieces, rowLimit } from "./pieces.ts";

export class SqliteJoins implements Joins {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async open(joins: readonly OpenJoin[]): Promise<void> {
    const own = joins.map(({ group, size, body, ttl, sending }) => ({
      group,
      size,
      body: new Uint8Array(body),
      ttl,
      ...(sending === undefined ? {} : { sending }),
    }));
    await inPieces(
      own,
      (piece) => this.#link.ask("openJoins", piece),
      ({ body }) => body.length,
    );
  }

  async seal(groups: readonly string[]): Promise<void> {
    await inPieces(groups, (piece) => this.#link.ask("sealJoins", piece));
  }

  arrive(arrivals: readonly Arrival[]): Promise<readonly Joined[]> {
    return inPieces(
      arrivals.map(ownArrival),
      (piece) => this.#link.ask("arrive", piece),
      ({ value, body }) => value.length + (body?.length ?? 0),
    );
  }

  grow(group: string, member: string): Promise<boolean> {
    return this.#link.ask("growJoin", { group, member });
  }

  look(group: string): Promise<Joined | undefined> {
    return this.#link.ask("lookJoin", group);
  }

  members(group: string, skip: number, limit: number): Promise<readonly JoinMember[]> {
    return this.#link.ask("members", { group, skip, limit });
  }

  async close(groups: readonly string[]): Promise<void> {
    await inPieces(groups, (piece) => this.#link.ask("closeJoins", piece));
  }

  stale(age: Millis, limit: number): Promise<readonly StaleJoin[]> {
    return this.#link.ask("staleJoins", { age, limit: Math.min(limit, rowLimit) });
  }

  async save(group: string, meta: Uint8Array, ttl: Millis | undefined): Promise<void> {
    await this.#link.ask("saveGroup", { group, meta: new Uint8Array(meta), ttl });
  }

  saved(group: string): Promise<Uint8Array | undefined> {
    return this.#link.ask("savedGroup", group);
  }

  async unsave(group: string): Promise<void> {
    await this.#link.ask("unsaveGroup", group);
  }
}

/** With bytes of its own: a view would take all of the buffer it looks into along to the thread. */
export function ownArrival({ group, member, index, state, value, body, ttl }: Arrival): Arrival {
  const own = { group, member, index, state, value: new Uint8Array(value), ttl };
  return body === undefined ? own : { ...own, body: new Uint8Array(body) };
}
