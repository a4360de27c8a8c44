/**
 * Executions between intake and pool: the line of those that wait, the suspects that must run alone, and those that run, found by
 * the number under which the pool knows them.
 *
 *   waiting ──(a free slot)──▶ running        suspects ──(a place with nothing beside it)──▶ running
 *
 * A suspect that has found no lonely place for `patience` holds back the others, so that a busy worker can't starve it; then the
 * others get their turn, and so on. Each turn is twice as long as the last: in the end one outlasts any task that runs.
 */

import type { Pool } from "../pool/pool.ts";
import type { Execution } from "./execution.ts";

/** How long suspects and the rest give way to each other at first, ms. */
const patience = 2000;

export class Slots {
  readonly #pool: Pool;
  readonly #waiting: Execution[] = [];
  #head = 0;
  #suspects: Execution[] = [];
  readonly #running = new Map<number, Execution>();
  /** Picked, but not given to the pool yet, so that it counts them as room. */
  readonly #reserved = new Set<Execution>();
  /** Those that run though the broker knows nothing of them any more. */
  readonly #acknowledged = new Set<Execution>();
  #last = 0;
  #suspectSince = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head + this.#suspects.length;
  }

  /** Those that wait for a slot, suspects first. */
  get reserved(): readonly Execution[] {
    return [...this.#suspects, ...this.#waiting.slice(this.#head)];
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
    if (!execution.isolated) {
      this.#waiting.push(execution);
      return;
    }
    if (this.#suspects.length === 0) this.#suspectSince = now;
    this.#suspects.push(execution);
  }

  /**
   * All that may run now, marked as running. The pool is asked for its room once, for it shrinks only when it is given calls.
   * Suspects go first and alone: while one is picked nothing else is.
   */
  take(now: number): Execution[] {
    const picked: Execution[] = [];
    if (this.#suspects.length > 0) {
      const room = this.#room(true);
      for (const suspect of this.#suspects.splice(0, room)) picked.push(this.#run(suspect));
      if (picked.length > 0) {
        this.#suspectSince = now;
        return picked;
      }
      const turn = Math.floor(Math.log2(1 + (now - this.#suspectSince) / patience));
      if (turn % 2 === 1) return picked;
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
  }

  /** Takes out one that waits; false if it runs already. */
  remove(execution: Execution): boolean {
    const suspect = this.#suspects.indexOf(execution);
    if (suspect >= 0) {
      this.#suspects.splice(suspect, 1);
      return true;
    }
    const index = this.#waiting.indexOf(execution, this.#head);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** Takes out all that waits since before `claimedBefore` (monotonic ms), except suspects, who wait for their place. */
  takeOlder(claimedBefore: number): Execution[] {
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

  /** Takes out all that waits. */
  takeAll(): Execution[] {
    const suspects = this.#suspects.splice(0);
    return suspects.concat(this.takeOlder(Infinity));
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
