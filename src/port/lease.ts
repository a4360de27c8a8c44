/** Leadership with a term number that only grows, and the one atomic step a scheduler needs. */

import type { Outgoing } from "./broker.ts";
import type { Millis, ServerTime } from "./units.ts";

export interface Term {
  readonly name: string;
  readonly holder: string;
  readonly term: number;
  readonly until: ServerTime;
}
export interface FiredTick {
  readonly tick: ServerTime;
  readonly id: string | undefined;
}
export interface Lease {
  acquire(name: string, holder: string, ttl: Millis): Promise<Term | undefined>;
  renew(term: Term, ttl: Millis): Promise<Term | undefined>;
  release(term: Term): Promise<void>;
  /** One atomic step: "(schedule, tick) has fired" and the enqueue. False if it had fired, or if `term` is not the current one. */
  fire(term: Term, schedule: string, tick: ServerTime, send: Outgoing): Promise<boolean>;
  /** The latest ticks that fired, newest first, at most `limit` (1 000 are kept), with the id of what was sent where it is known. */
  fired?(schedule: string, limit: number): Promise<readonly FiredTick[]>;
}
