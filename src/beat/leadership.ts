/**
 * Who of many schedulers sends, and what time it is: both as the server says. A scheduler leads while its term is renewed, every third of
 * it; whether a tick may still be sent is decided by the server alone, in the step that sends it.
 */

import type { Clock } from "../clock/clock.ts";
import type { Lease, Term } from "../port/lease.ts";

/** One name for a whole database: whoever leads sends the ticks of all who keep their schedules there. */
const leaseName = "beat";

export interface LeadershipOptions {
  readonly lease: Lease;
  readonly clock: Clock;
  readonly holder: string;
  /** Milliseconds. */
  readonly ttl: number;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  #term: Term | undefined;
  /** On the monotonic clock. */
  #renewAt = 0;
  /** The server's time at a moment of the monotonic clock: no step of the own wall clock changes it. */
  #anchor: { readonly server: number; readonly at: number } | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get term(): Term | undefined {
    return this.#term;
  }

  /** The server's time, unix ms. Never ahead of it by more than clocks drift in a third of a term. */
  now(): number {
    const { clock } = this.#options;
    if (this.#anchor === undefined) return clock.now();
    return this.#anchor.server + clock.monotonic() - this.#anchor.at;
  }

  /** Ms until the term wants to be renewed. */
  get renewIn(): number {
    return Math.max(0, this.#renewAt - this.#options.clock.monotonic());
  }

  /** How often a follower had better ask, ms. */
  get seekEvery(): number {
    return this.#options.ttl / 3;
  }

  /** Asks to lead. True if it does from now on, under a new term. */
  async seek(): Promise<boolean> {
    const { lease, holder, ttl } = this.#options;
    return this.#held(await this.#timed(() => lease.acquire(leaseName, holder, ttl)));
  }

  /** Renews if it is time to. False if it no longer leads. */
  async keep(): Promise<boolean> {
    const term = this.#term;
    if (term === undefined) return false;
    if (this.renewIn > 0) return true;
    const { lease, ttl } = this.#options;
    return this.#held(await this.#timed(() => lease.renew(term, ttl)));
  }

  /** The server said so. */
  lose(): void {
    this.#term = undefined;
  }

  /** Lets another lead at once. */
  async release(): Promise<void> {
    const term = this.#term;
    this.#term = undefined;
    if (term !== undefined) await this.#options.lease.release(term);
  }

  async #timed(ask: () => Promise<Term | undefined>): Promise<Term | undefined> {
    const { clock, ttl } = this.#options;
    const sent = clock.monotonic();
    const term = await ask();
    if (term === undefined) return undefined;
    this.#renewAt = sent + ttl / 3;
    // From the end of the call: late by its way back, never early.
    this.#anchor = { server: term.until - ttl, at: clock.monotonic() };
    return term;
  }

  #held(term: Term | undefined): boolean {
    this.#term = term;
    return term !== undefined;
  }
}
