/**
 * Counting the members of a chord until all have ended, and the saved lists of groups. A join is full, and stays so, until it is closed:
 * every arrival at a full and open one is told so, not only the last, whose worker may die over it.
 *
 *   (none) ──open──▶ open, filling ──last arrival──▶ full ──close──▶ closed (arrivals are told nothing more)
 *             │          ▲ seal: all members are sent
 *             └──────────┴─ not sealed in time: `stale` names it as unsent
 */

import type { FinalState } from "./result-store.ts";
import type { Millis } from "./units.ts";

/** A join in the making. Written before its members are sent; a second `open` of a group changes nothing. */
export interface OpenJoin {
  readonly group: string;
  readonly size: number;
  /** What is sent when it is full: bytes that only the core reads. */
  readonly body: Uint8Array;
  /** Kept for so long after its last change. */
  readonly ttl: Millis;
  /** Its members are still to be sent: without `seal` within this time their sender is taken for dead. Absent: sealed. */
  readonly sending?: Millis;
}

/** A member's end. */
export interface Arrival {
  readonly group: string;
  /** Task id. */
  readonly member: string;
  /** Its place in the results; several may share one. Infinity: after all others, as Celery has it for a member without one. */
  readonly index: number;
  readonly state: FinalState;
  /** JSON: the result, or Celery's exception object. */
  readonly value: Uint8Array;
  /** As in {@link OpenJoin}, for a join that a peer opened and that keeps none; a stored one stays. Absent: nobody could read it. */
  readonly body?: Uint8Array;
  readonly ttl: Millis;
}

export interface Joined {
  readonly group: string;
  readonly arrived: number;
  /** `undefined`: not open, or closed. */
  readonly size: number | undefined;
  /** All have arrived and nobody has closed it. */
  readonly full: boolean;
}

export interface JoinMember {
  readonly index: number;
  readonly member: string;
  readonly state: string;
  /** JSON, as it arrived. */
  readonly value: Uint8Array;
}

export interface StaleJoin {
  readonly group: string;
  /** "full": nobody sent its body. "unsent": its sender never sealed it. */
  readonly why: "full" | "unsent";
  /** Absent where no arrival and no opener left one. */
  readonly body: Uint8Array | undefined;
}

export interface Joins {
  open(joins: readonly OpenJoin[]): Promise<void>;
  /** All members are sent. */
  seal(groups: readonly string[]): Promise<void>;
  /** Idempotent by member: one that arrives again, with whatever value, counts once, and its first value stays. */
  arrive(arrivals: readonly Arrival[]): Promise<readonly Joined[]>;
  /**
   * One more member is to come; told twice of the same one it counts it once. False: it is closed, full, or was never open. `running`: a
   * member asks that runs; where peers send chords too, and say their size when the first members run already, it need not be open yet.
   */
  grow(group: string, member: string, running?: boolean): Promise<boolean>;
  /** How far it is; undefined where it is closed, or was never heard of. Changes nothing. */
  look(group: string): Promise<Joined | undefined>;
  /** In the order of their indexes, without the first `skip`; several may have one index. Empty once it is closed. */
  members(group: string, skip: number, limit: number): Promise<readonly JoinMember[]>;
  /** After the body, whose id was fixed in advance, is published. What was kept of the members goes. */
  close(groups: readonly string[]): Promise<void>;
  /**
   * Full and open, or unsealed over its time, for at least `age`. Those that are named are not named again, to nobody, before another
   * `age` has passed: who takes them may die over it. A step of the server's clock is no time that passed for what is being sent.
   */
  stale(age: Millis, limit: number): Promise<readonly StaleJoin[]>;
  /** Keeps a group's list of members under its id, as Celery's `GroupResult.save()` does: JSON. */
  save(group: string, meta: Uint8Array, ttl: Millis | undefined): Promise<void>;
  saved(group: string): Promise<Uint8Array | undefined>;
  unsave(group: string): Promise<void>;
}
