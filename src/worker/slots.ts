/**
 * Executions between intake and pool: the line of those that wait, the suspects that must run alone, and those that run, found by
 * the number under which the pool knows them.
 *
 *   waiting ──(a free slot)──▶ running        suspects ──(a place with nothing beside it)──▶ running
 */

import type { Pool } from "../pool/pool.ts";
import type { Execution } from "./execution.ts";
import { type Surplus, Suspects } from "./suspects.ts";

/** A delivery that waited unstarted for so many ms goes back, so that an idle neighbour can have it. */
export const longestUnstarted = 1000;

export class Slots {
  readonly #pool: Pool;
  readonly #size: { readonly slots: number };
  readonly #suspects: Suspects;
  readonly #waiting: Execution[] = [];
  #head = 0;
  readonly #running = new Map<number, Execution>();
  /** Picked, but not given to the pool yet, so that it counts them as room. */
  readonly #reserved = new Set<Execution>();
  /** Those that run though the broker knows nothing of them any more. */
  readonly #acknowledged = new Set<Execution>();
  #last = 0;

  /** `size` may change. */
  constructor(pool: Pool, size: { readonly slots: number }) {
    this.#pool = pool;
    this.#size = size;
    this.#suspects = new Suspects(size);
  }

  get waiting(): number {
    return this.#waiting.length - this.#head + this.#suspects.waiting.length;
  }

  /** How many of `waiting` are suspects, which are held beside what the slots are for. */
  get suspects(): number {
    return Math.min(this.#size.slots, this.#suspects.waiting.length);
  }

  /** Slots in which nothing runs, and that nobody waits for who could have them. */
  get free(): number {
    return Math.max(0, this.#size.slots - this.#running.size - (this.#waiting.length - this.#head));
  }

  /** Those that wait for a slot, suspects first. */
  get reserved(): readonly Execution[] {
    return [...this.#suspects.waiting, ...this.#waiting.slice(this.#head)];
  }

  get running(): ReadonlyMap<number, Execution> {
    return this.#running;
  }

  /** How many run of which the broker knows nothing any more. */
  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Picked, and not to be given to the pool before `unreserve`. */
  reserve(execution: Execution): void {
    this.#reserved.add(execution);
  }

  unreserve(execution: Execution, acknowledged: boolean): void {
    this.#reserved.delete(execution);
    if (acknowledged) this.#acknowledged.add(execution);
  }

  add(execution: Execution, now: number): void {
    if (execution.isolated) this.#suspects.add(execution, now);
    else this.#waiting.push(execution);
  }

  /**
   * All that may run now, marked as running. The pool is asked for its room once, for it shrinks only when it is given calls.
   * Suspects go first and alone: while one is picked nothing else is.
   */
  take(now: number): Execution[] {
    const picked: Execution[] = [];
    if (this.#suspects.waiting.length > 0) {
      for (const suspect of this.#suspects.take(this.#room(true), now)) picked.push(this.#run(suspect));
      if (picked.length > 0 || this.#suspects.holdBack(now)) return picked;
    }
    const end = Math.min(this.#waiting.length, this.#head + this.#room(false));
    while (this.#head < end) {
      const next = this.#waiting[this.#head++];
      if (next) picked.push(this.#run(next));
    }
    this.#compact();
    return picked;
  }

  ended(execution: Execution): void {
    this.#running.delete(execution.slot);
    this.#acknowledged.delete(execution);
    this.#suspects.ended(execution);
  }

  /** Takes out one that waits; false if it runs already. */
  remove(execution: Execution): boolean {
    if (this.#suspects.remove(execution)) return true;
    const index = this.#waiting.indexOf(execution, this.#head);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** Takes out all that has waited here for too long. */
  takeStale(now: number): Execution[] {
    return this.#suspects.takeStale(now).concat(this.#takeOlder(now - longestUnstarted));
  }

  /** Takes out those suspects that are more than may wait here. */
  takeSurplus(now: number): readonly Surplus[] {
    return this.#suspects.takeSurplus(now);
  }

  /** Takes out all that waits. */
  takeAll(): Execution[] {
    return this.#suspects.takeAll().concat(this.#takeOlder(Infinity));
  }

  /** All but suspects that wait since before `claimedBefore` (monotonic ms). */
  #takeOlder(claimedBefore: number): Execution[] {
    const old: Execution[] = [];
    while (this.#head < this.#waiting.length) {
      const first = this.#waiting[this.#head];
      if (!first || first.claimedAt >= claimedBefore) break;
      old.push(first);
      this.#head++;
    }
    this.#compact();
    return old;
  }

  /** In one go once half of the line is spent, so that taking from its front stays O(1). */
  #compact(): void {
    if (this.#head <= 64 || this.#head * 2 <= this.#waiting.length) return;
    this.#waiting.splice(0, this.#head);
    this.#head = 0;
  }

  #room(isolated: boolean): number {
    return Math.max(0, this.#pool.room({ isolated }) - this.#reserved.size);
  }

  #run(execution: Execution): Execution {
    execution.slot = ++this.#last;
    this.#running.set(execution.slot, execution);
    return execution;
  }
}
