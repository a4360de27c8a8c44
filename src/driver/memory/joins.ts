/** The port of joins over a server in this process. */

import type { Arrival, Joined, JoinMember, Joins, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Millis } from "../../port/units.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryJoins implements Joins {
  readonly #server: MemoryServer;
  readonly #session: Session;

  constructor(server: MemoryServer, session: Session) {
    this.#server = server;
    this.#session = session;
  }

  async open(joins: readonly OpenJoin[]): Promise<void> {
    this.#session.ensureOpen();
    for (const join of joins) this.#server.joins.open(join);
  }

  async seal(groups: readonly string[]): Promise<void> {
    this.#session.ensureOpen();
    for (const group of groups) this.#server.joins.seal(group);
  }

  async arrive(arrivals: readonly Arrival[]): Promise<readonly Joined[]> {
    this.#session.ensureOpen();
    return arrivals.map((arrival) => this.#server.joins.arrive(arrival));
  }

  async grow(group: string, member: string): Promise<boolean> {
    this.#session.ensureOpen();
    return this.#server.joins.grow(group, member);
  }

  async look(group: string): Promise<Joined | undefined> {
    this.#session.ensureOpen();
    return this.#server.joins.look(group);
  }

  async members(group: string, skip: number, limit: number): Promise<readonly JoinMember[]> {
    this.#session.ensureOpen();
    return this.#server.joins.members(group, skip, limit);
  }

  async close(groups: readonly string[]): Promise<void> {
    this.#session.ensureOpen();
    for (const group of groups) this.#server.joins.close(group);
  }

  async stale(age: Millis, limit: number): Promise<readonly StaleJoin[]> {
    this.#session.ensureOpen();
    return this.#server.joins.stale(age, limit);
  }

  async save(group: string, meta: Uint8Array, ttl: Millis | undefined): Promise<void> {
    this.#session.ensureOpen();
    this.#server.groups.set(group, meta, ttl);
  }

  async saved(group: string): Promise<Uint8Array | undefined> {
    this.#session.ensureOpen();
    return this.#server.groups.get(group);
  }

  async unsave(group: string): Promise<void> {
    this.#session.ensureOpen();
    this.#server.groups.delete(group);
  }
}
