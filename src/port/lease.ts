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
  /** Of what was sent first; absent if nothing was. */
  readonly id: string | undefined;
}

/** Only of "fired" is it certain that this very call sent something. */
export type Fired =
  | "fired"
  /** Sent before under this very id: by a former call whose answer was lost, or by a leader before us. Go on as after "fired". */
  | "mine-already"
  /** Sent before under another id, or too long ago to say under which. Nothing was sent now. */
  | "fired-before"
  /** The term is not the current one and the tick has not fired. Nothing was sent. */
  | "not-leader";

/** `begun-before`: and nobody said that it was sent; send it again, under the same ids and nonces. */
export type Begun = "begun" | "begun-before" | Exclude<Fired, "fired">;

/**
 * A tick is a planned moment of a schedule. The last 1 000 that fired are kept by name, and what is up to 7 days older than those
 * counts as fired: fire in order. Ids come from schedule and tick, so that whoever fires a tick again gives the same.
 */
export interface Lease {
  acquire(name: string, holder: string, ttl: Millis): Promise<Term | undefined>;
  renew(term: Term, ttl: Millis): Promise<Term | undefined>;
  release(term: Term): Promise<void>;
  /**
   * One atomic step: "(schedule, tick) has fired" and the enqueue of all of `send` (at most 500; none: the tick is used up). May be
   * repeated. Rejects with QUEUE_FULL if one of the queues is full before it: the tick has not fired then. A group goes over the limit whole.
   */
  fire(term: Term, schedule: string, tick: ServerTime, send: readonly Outgoing[]): Promise<Fired>;
  /** The latest ticks that fired, newest first, at most `limit` (of 1 000). */
  fired(schedule: string, limit: number): Promise<readonly FiredTick[]>;
  /** Of schedules that are no more. */
  forget(schedules: readonly string[]): Promise<void>;
  /**
   * For messages that lie on another server, the first of two steps: the tick is about to be sent by the holder of `term`. It has not fired
   * before `done`, and whoever asks meanwhile is told "begun-before". `id`: of what is sent first, "" if nothing is.
   */
  begin(term: Term, schedule: string, tick: ServerTime, id: string): Promise<Begun>;
  /** It was sent, whoever leads by now. May be repeated. */
  done(schedule: string, tick: ServerTime, id: string): Promise<void>;
}
