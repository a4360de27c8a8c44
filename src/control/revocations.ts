/**
 * What is revoked, as a worker knows it: ids and stamps, each with the moment at which it is forgotten. Bounded: of more than `most` the
 * oldest go first, so that a flood of revokes costs memory once and not for ever. A task is looked up in one step.
 */

import type { ServerTime } from "../port/units.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
import { type Revocation, stampKeys } from "./facts.ts";

/** Celery's bound. */
const most = 50_000;
/** The part of them that goes when there are too many. */
const share = 50;

export interface KnownRevocation extends Revocation {
  /** Forgotten then. */
  readonly until: ServerTime;
  /** It stands in the control state, was heard of by all who listened, or is meant for this worker alone. */
  readonly standing: "fact" | "heard" | "here";
}

export class Revocations {
  /** The oldest first. */
  readonly #ids = new Map<string, KnownRevocation>();
  readonly #stamps = new Map<string, KnownRevocation>();
  readonly #most: number;

  constructor(bound: number = most) {
    this.#most = bound;
  }

  get ids(): ReadonlyMap<string, KnownRevocation> {
    return this.#ids;
  }

  get stamps(): ReadonlyMap<string, KnownRevocation> {
    return this.#stamps;
  }

  /** So many are known that somebody floods the workers with them. */
  get flooded(): boolean {
    return this.#ids.size + this.#stamps.size > 0.9 * this.#most;
  }

  add(kind: "id" | "stamp", key: string, revocation: KnownRevocation): void {
    const known = kind === "id" ? this.#ids : this.#stamps;
    // Known before: it becomes the newest.
    known.delete(key);
    known.set(key, revocation);
    if (known.size <= this.#most) return;
    // Many at once: the first key of a map is found slowly while those before it were deleted one by one.
    let surplus = Math.max(1, Math.floor(this.#most / share));
    for (const oldest of known.keys()) {
      known.delete(oldest);
      if (--surplus === 0) break;
    }
  }

  remove(kind: "id" | "stamp", key: string): void {
    (kind === "id" ? this.#ids : this.#stamps).delete(key);
  }

  /** Is this not to run? Asked for every task, so most answer at the first look. */
  has(headers: Pick<TaskHeaders, "id" | "stamps">): boolean {
    return this.#ids.has(headers.id) || (this.#stamps.size > 0 && this.#stamped(headers.stamps) !== undefined);
  }

  /** How this is to be ended if it runs; `undefined`: it may run to its end. */
  terminationOf(headers: Pick<TaskHeaders, "id" | "stamps">): KnownRevocation | undefined {
    const named = this.#ids.get(headers.id);
    if (named?.terminate === true || this.#stamps.size === 0) return named?.terminate === true ? named : undefined;
    const stamped = this.#stamped(headers.stamps);
    return stamped?.terminate === true ? stamped : undefined;
  }

  /** Drops what is past its time. */
  forgetExpired(now: ServerTime): void {
    for (const known of [this.#ids, this.#stamps]) {
      for (const [key, { until }] of known) if (until <= now) known.delete(key);
    }
  }

  /** Drops what stood in the control state: it is told anew. */
  forgetFacts(kind: "id" | "stamp"): void {
    const known = kind === "id" ? this.#ids : this.#stamps;
    for (const [key, { standing }] of known) if (standing === "fact") known.delete(key);
  }

  #stamped(stamps: Readonly<Record<string, unknown>>): KnownRevocation | undefined {
    for (const key of keysOf(stamps)) {
      const revocation = this.#stamps.get(key);
      if (revocation !== undefined) return revocation;
    }
    return undefined;
  }
}

/** None for stamps that JSON has no words for: nobody can have revoked them by name. */
function keysOf(stamps: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    return stampKeys(stamps);
  } catch {
    return [];
  }
}
