/**
 * Ticks kept on one server, their messages on another. No step reaches both, so each tick has two marks around its sending:
 *
 *   begin (guarded by the term) ──> publish ──> done
 *
 * A tick is never lost while somebody leads: what is begun and not done is sent again under the same ids and nonces. That happens where
 * the sender died, or stalled past its term, between the marks; a broker that tells duplicates apart, or a worker with a ledger, then
 * takes it once.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import type { Broker, Outgoing, Published } from "../port/broker.ts";
import type { Begun, Fired, FiredTick, Lease, Term } from "../port/lease.ts";
import type { Millis, ServerTime } from "../port/units.ts";

/** Sent by us and not yet marked so; the oldest go first. More than one stands here only while the store is away. */
const mostUnmarked = 1_000;

export interface TwoStepOptions {
  readonly clock: Clock;
  /** Longest wait for the broker's answer, ms. */
  readonly publishTimeout: Millis;
}

export class TwoStepLease implements Lease {
  readonly #ticks: Lease;
  readonly #broker: Pick<Broker, "publish">;
  readonly #options: TwoStepOptions;
  readonly #firing = new Map<string, Promise<unknown>>();
  readonly #unmarked = new Set<string>();

  /** `ticks` are marked there, messages are sent with `broker`. */
  constructor(ticks: Lease, broker: Pick<Broker, "publish">, options: TwoStepOptions) {
    this.#ticks = ticks;
    this.#broker = broker;
    this.#options = options;
  }

  acquire(name: string, holder: string, ttl: Millis): Promise<Term | undefined> {
    return this.#ticks.acquire(name, holder, ttl);
  }

  renew(term: Term, ttl: Millis): Promise<Term | undefined> {
    return this.#ticks.renew(term, ttl);
  }

  release(term: Term): Promise<void> {
    return this.#ticks.release(term);
  }

  fired(schedule: string, limit: number): Promise<readonly FiredTick[]> {
    return this.#ticks.fired(schedule, limit);
  }

  forget(schedules: readonly string[]): Promise<void> {
    return this.#ticks.forget(schedules);
  }

  begin(term: Term, schedule: string, tick: ServerTime, id: string): Promise<Begun> {
    return this.#ticks.begin(term, schedule, tick, id);
  }

  done(schedule: string, tick: ServerTime, id: string): Promise<void> {
    return this.#ticks.done(schedule, tick, id);
  }

  /** Rejects also with PUBLISH_UNKNOWN, UNROUTABLE or MESSAGE_TOO_LARGE: the tick has not fired, though a part of its group may be sent. */
  async fire(term: Term, schedule: string, tick: ServerTime, send: readonly Outgoing[]): Promise<Fired> {
    const name = `${tick} ${schedule}`;
    // Of two calls for one tick the second would take the first for a dead one.
    for (let other = this.#firing.get(name); other !== undefined; other = this.#firing.get(name))
      await other.catch(() => {});
    const firing = this.#fire(name, term, schedule, tick, send);
    this.#firing.set(name, firing);
    try {
      return await firing;
    } finally {
      this.#firing.delete(name);
    }
  }

  async #fire(name: string, term: Term, schedule: string, tick: ServerTime, send: readonly Outgoing[]): Promise<Fired> {
    const id = firstId(send);
    if (!this.#unmarked.has(name)) {
      const begun = await this.#ticks.begin(term, schedule, tick, id);
      if (begun !== "begun" && begun !== "begun-before") return begun;
      await this.#publish(schedule, send);
      this.#unmarked.add(name);
      const [oldest] = this.#unmarked;
      if (oldest !== undefined && this.#unmarked.size > mostUnmarked) this.#unmarked.delete(oldest);
    }
    await this.#ticks.done(schedule, tick, id);
    this.#unmarked.delete(name);
    return "fired";
  }

  async #publish(schedule: string, send: readonly Outgoing[]): Promise<void> {
    if (send.length === 0) return;
    const { clock, publishTimeout } = this.#options;
    const limit = new AbortController();
    const timer = clock.after(publishTimeout, () =>
      limit.abort(
        new CeleriacError(
          "PUBLISH_UNKNOWN",
          `The broker did not say within ${publishTimeout} ms whether it has the tick of "${schedule}". It is sent again under the same ids.`,
          { details: { schedule } },
        ),
      ),
    );
    try {
      const answers = await this.#broker.publish(send, limit.signal);
      for (const [index, answer] of answers.entries())
        if (answer.kind === "refused") throw refused(schedule, send[index]?.queue ?? "", answer);
    } finally {
      timer[Symbol.dispose]();
    }
  }
}

function firstId([first]: readonly Outgoing[]): string {
  const id = first?.message.headers["id"];
  return typeof id === "string" ? id : "";
}

function refused(
  schedule: string,
  queue: string,
  { reason, detail }: Extract<Published, { readonly kind: "refused" }>,
): CeleriacError {
  const codes: Readonly<Record<typeof reason, ErrorCode>> = {
    full: "QUEUE_FULL",
    unroutable: "UNROUTABLE",
    "too-large": "MESSAGE_TOO_LARGE",
    unsupported: "NOT_SUPPORTED",
  };
  return new CeleriacError(
    codes[reason],
    `The tick of "${schedule}" was not sent to "${queue}": ${detail}. It can be fired again when that has changed.`,
    { details: { schedule, queue } },
  );
}
