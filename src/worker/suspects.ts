/**
 * Those that may have killed a process, in line for a place with nothing beside it. Beside what runs a worker keeps as many of them as it has
 * slots, and they take none of these while they wait, or a line of them would keep out all else; what is beyond goes back, for others or
 * for later.
 *
 * Who has found no place for `patience`, where no other suspect has one either, holds back the rest, so that a busy worker can't starve it;
 * then the rest get their turn, and so on. Each turn is twice as long as the last: in the end one outlasts any task that runs.
 */

import type { Execution } from "./execution.ts";

/** How long suspects and the rest give way to each other at first, ms. */
const patience = 2000;
/** Who has waited here for longer goes back to the front when it is not its turn, for an idle neighbour, ms. A process that has to come up is no such wait. */
const longestLine = 5000;
/** What is beyond the line comes again after so many ms at the earliest, */
const soonest = 1000;
/** and no more of it in so many ms than the line is long. In that time a place serves one, or few: the rest would only be put back again. */
const spread = 200;

/** One for which there is no room in the line, and how long it is to stay away, ms. */
export type Surplus = readonly [execution: Execution, wait: number];

export class Suspects {
  readonly #most: { readonly slots: number };
  readonly #running = new Set<Execution>();
  #line: Execution[] = [];
  /** When the turns began. */
  #since = 0;
  #gaveBack = -Infinity;
  #returning = 0;

  /** `most`: as many wait here as this worker has slots, which may change. */
  constructor(most: { readonly slots: number }) {
    this.#most = most;
  }

  get waiting(): readonly Execution[] {
    return this.#line;
  }

  add(execution: Execution, now: number): void {
    // Who comes back because nobody else took it is the same that had its turns here.
    if (this.#line.length === 0 && now - this.#gaveBack > longestLine) this.#since = now;
    this.#line.push(execution);
  }

  /** Takes out as many as there is room for, first those that came first. */
  take(room: number, now: number): Execution[] {
    const picked = this.#line.splice(0, room);
    for (const execution of picked) this.#running.add(execution);
    // Where one runs, the next place is theirs without anybody's giving way.
    if (this.#running.size > 0) this.#since = now;
    return picked;
  }

  /** It is the turn of those that wait here, and nobody else is to start. */
  holdBack(now: number): boolean {
    if (this.#line.length === 0) return false;
    return Math.floor(Math.log2(1 + (now - this.#since) / patience)) % 2 === 1;
  }

  ended(execution: Execution): void {
    this.#running.delete(execution);
  }

  remove(execution: Execution): boolean {
    const index = this.#line.indexOf(execution);
    if (index >= 0) this.#line.splice(index, 1);
    return index >= 0;
  }

  /** Takes out those that have waited for long, unless it is their turn. */
  takeStale(now: number): Execution[] {
    const [first] = this.#line;
    if (first === undefined || first.claimedAt >= now - longestLine || this.holdBack(now)) return [];
    const fresh = this.#line.findIndex(({ claimedAt }) => claimedAt >= now - longestLine);
    this.#gaveBack = now;
    return this.#line.splice(0, fresh < 0 ? Infinity : fresh);
  }

  /** Takes out those that came last, beyond what may wait here. */
  takeSurplus(now: number): Surplus[] {
    const { slots } = this.#most;
    return this.#line.splice(slots).map((execution) => {
      this.#returning = Math.max(now + soonest, this.#returning + spread / slots);
      return [execution, Math.round(this.#returning - now)] as const;
    });
  }

  takeAll(): Execution[] {
    return this.#line.splice(0);
  }
}
