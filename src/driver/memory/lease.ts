/** The lease port over a server in this process. */

import type { Outgoing } from "../../port/broker.ts";
import type { Lease, Term } from "../../port/lease.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryLease implements Lease {
  readonly #server: MemoryServer;
  readonly #session: Session;

  constructor(server: MemoryServer, session: Session) {
    this.#server = server;
    this.#session = session;
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

  async fire(term: Term, schedule: string, tick: ServerTime, send: Outgoing): Promise<boolean> {
    this.#session.ensureOpen();
    const { messages, terms } = this.#server;
    // Encoded first: a message that cannot travel must not use up its tick.
    const message = messages.encode(send);
    if (!terms.isCurrent(term) || !terms.mark(schedule, tick)) return false;
    messages.publish(message, send.dedupe, 0);
    return true;
  }
}
