/** The server's leaderships: one holder a name, terms that only grow. */

import type { Clock } from "../../clock/clock.ts";
import type { Term } from "../../port/lease.ts";
import type { Millis } from "../../port/units.ts";

export class TermTable {
  readonly #clock: Clock;
  readonly #terms = new Map<string, { readonly holder: string; readonly term: number; readonly ends: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  acquire(name: string, holder: string, ttl: Millis): Term | undefined {
    const present = this.#terms.get(name);
    if (present !== undefined && present.ends > this.#clock.monotonic()) return undefined;
    return this.#hold(name, holder, (present?.term ?? 0) + 1, ttl);
  }

  renew(term: Term, ttl: Millis): Term | undefined {
    return this.isCurrent(term) ? this.#hold(term.name, term.holder, term.term, ttl) : undefined;
  }

  /** The number stays, so that the next term is a higher one. */
  release(term: Term): void {
    if (this.isCurrent(term)) this.#hold(term.name, term.holder, term.term, 0);
  }

  isCurrent(term: Term): boolean {
    const present = this.#terms.get(term.name);
    return present !== undefined && present.term === term.term && present.ends > this.#clock.monotonic();
  }

  #hold(name: string, holder: string, term: number, ttl: Millis): Term {
    this.#terms.set(name, { holder, term, ends: this.#clock.monotonic() + ttl });
    return { name, holder, term, until: this.#clock.now() + ttl };
  }
}
