/** The lease port over a server in this process. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { BackendOptions } from "../../port/backend.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { Begun, Fired, FiredTick, Lease, Term } from "../../port/lease.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryLease implements Lease {
  readonly #server: MemoryServer;
  readonly #session: Session;
  readonly #limits: Pick<BackendOptions, "maxDepth" | "maxMessageBytes">;

  constructor(server: MemoryServer, session: Session, limits: Pick<BackendOptions, "maxDepth" | "maxMessageBytes">) {
    this.#server = server;
    this.#session = session;
    this.#limits = limits;
  }

  async acquire(name: string, holder: string, ttl: Millis): Promise<Term | undefined> {
    this.#session.ensureOpen();
    return this.#server.terms.acquire(name, holder, ttl);
  }

  async renew(term: Term, ttl: Millis): Promise<Term | undefined> {
    this.#session.ensureOpen();
    return this.#server.terms.renew(term, ttl);
  }

  async release(term: Term): Promise<void> {
    this.#session.ensureOpen();
    this.#server.terms.release(term);
  }

  async fire(term: Term, schedule: string, tick: ServerTime, send: readonly Outgoing[]): Promise<Fired> {
    this.#session.ensureOpen();
    const { messages, terms, ticks } = this.#server;
    // Encoded first: a message that cannot travel must not use up its tick.
    const encoded = send.map((outgoing) => ({ message: messages.encode(outgoing), dedupe: outgoing.dedupe }));
    const id = encoded[0]?.message.id ?? "";
    const earlier = ticks.earlier(schedule, tick, id);
    if (earlier !== undefined) return earlier;
    if (!terms.isCurrent(term)) return "not-leader";
    for (const { message } of encoded) this.#ensureFits(schedule, message);
    ticks.fire(schedule, tick, id);
    for (const { message, dedupe } of encoded) messages.publish(message, { dedupe }, 0);
    return "fired";
  }

  async fired(schedule: string, limit: number): Promise<readonly FiredTick[]> {
    this.#session.ensureOpen();
    return this.#server.ticks.latest(schedule, limit);
  }

  async forget(schedules: readonly string[]): Promise<void> {
    this.#session.ensureOpen();
    for (const schedule of schedules) this.#server.ticks.forget(schedule);
  }

  async begin(term: Term, schedule: string, tick: ServerTime, id: string): Promise<Begun> {
    this.#session.ensureOpen();
    const { terms, ticks } = this.#server;
    const earlier = ticks.earlier(schedule, tick, id);
    if (earlier !== undefined) return earlier;
    return terms.isCurrent(term) ? ticks.begin(schedule, tick, id) : "not-leader";
  }

  async done(schedule: string, tick: ServerTime, id: string): Promise<void> {
    this.#session.ensureOpen();
    const { ticks } = this.#server;
    if (ticks.earlier(schedule, tick, id) === undefined) ticks.fire(schedule, tick, id);
  }

  #ensureFits(schedule: string, { queue, size }: { readonly queue: string; readonly size: number }): void {
    const { maxDepth, maxMessageBytes } = this.#limits;
    const details = { schedule, queue };
    if (size > maxMessageBytes)
      throw new CeleriacError(
        "MESSAGE_TOO_LARGE",
        `The tick of "${schedule}" was not sent: its message takes ${size} bytes, the limit is ${maxMessageBytes}. Raise maxMessageBytes, or send a reference instead.`,
        { details },
      );
    if (maxDepth > 0 && this.#server.messages.queue(queue).depth >= maxDepth)
      throw new CeleriacError(
        "QUEUE_FULL",
        `The tick of "${schedule}" was not sent: queue "${queue}" is full. It can be fired again when there is room.`,
        { details },
      );
  }
}
