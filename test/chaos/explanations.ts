/**
 * Why a task may have run again (G3). A fault near is a reason, and so is a neighbour that killed the process of both. Without either, its
 * worker must have been out of reach for as long as a lease does not survive, by the word of a probe that shares nothing with the lease.
 */

import type { FaultEntry, History, TaskHistory } from "./history.ts";
import type { Run } from "./journal.ts";
import { slots } from "./room.ts";

/**
 * Renewals go out every third of a lease, so one arrives in time unless the way there and back took the other two thirds, of which the
 * probe, that looks now and then, may miss a little.
 */
const survived = 0.6;
/** Workers whose tasks one fault can interrupt. */
const workers = 3;

export class Explanations {
  readonly #history: History;
  readonly #shadow: number;
  readonly #lease: number;

  constructor(history: History, shadow: number, lease: number) {
    this.#history = history;
    this.#shadow = shadow;
    this.#lease = lease;
  }

  /** So many repeats all faults can account for: each may interrupt all that ran. */
  get most(): number {
    const { faults, doomedStarts, aways } = this.#history;
    return (faults.length + doomedStarts.length + aways.length) * workers * slots;
  }

  /** Of the repeats of a task. */
  of(task: TaskHistory): boolean {
    const [from, to] = [task.starts[0]?.t ?? 0, task.starts.at(-1)?.t ?? 0];
    return this.near(from, to) || this.#besideDoomed(from, to) || this.#outOfReach(task);
  }

  /** A fault in this time, or in its shadow. */
  near(from: number, to: number): boolean {
    return this.#history.faults.some((fault: FaultEntry) => fault.t <= to && fault.until + this.#shadow >= from);
  }

  /** A doomed task is a fault of its own: it takes its neighbours in the same process with it. */
  #besideDoomed(from: number, to: number): boolean {
    return this.#history.doomedStarts.some(({ t }) => t >= from - this.#shadow && t <= to);
  }

  /** Of a checkpoint that was made again: as of the run that made it. */
  ofStep(task: TaskHistory, first: number, last: number): boolean {
    return this.near(first, last) || this.#outOfReach(task);
  }

  /** It was repeated, and each time the worker that held it was away for too long between its claim and the next start. */
  #outOfReach({ starts, claims }: TaskHistory): boolean {
    const attempts = new Map<number, Run>();
    const repeats = starts.flatMap((next) => {
      const former = attempts.get(next.attempt);
      attempts.set(next.attempt, next);
      return former === undefined ? [] : [{ former, next }];
    });
    const isExplained = ({ former, next }: (typeof repeats)[number]): boolean => {
      const held = claims.findLast(({ t, worker }) => t <= former.t && worker === former.worker)?.t ?? former.t;
      return this.#history.aways.some(
        ({ t, until, worker }) =>
          worker === former.worker && until - t >= survived * this.#lease && until >= held && t <= next.t,
      );
    };
    return repeats.length > 0 && repeats.every(isExplained);
  }
}
