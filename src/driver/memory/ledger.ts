/** The ledger port over a server in this process. */

import type { Begun, Claimed, ExpiredHold, Hold, Ledger, Start, Waiting } from "../../port/ledger.ts";
import type { Fence, Millis } from "../../port/units.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryLedger implements Ledger {
  readonly #server: MemoryServer;
  readonly #session: Session;
  readonly #broker: string;

  constructor(server: MemoryServer, session: Session, broker = "") {
    this.#server = server;
    this.#session = session;
    this.#broker = broker;
  }

  within(broker: string): Ledger {
    return new MemoryLedger(this.#server, this.#session, broker);
  }

  async begin(starts: readonly Start[]): Promise<readonly Begun[]> {
    this.#session.ensureOpen();
    const { ledger, results } = this.#server;
    return starts.map((start) => ledger.begin(start, results.final(start.id), results.fenceOf(start.id)));
  }

  async follows(messages: readonly Waiting[]): Promise<readonly (Fence | undefined)[]> {
    this.#session.ensureOpen();
    return messages.map((waiting) => this.#server.ledger.follows(waiting));
  }

  async reopen(marks: Parameters<Ledger["reopen"]>[0]): Promise<void> {
    this.#session.ensureOpen();
    for (const mark of marks) this.#server.ledger.reopen(mark);
  }

  async finish(ended: readonly Claimed[]): Promise<readonly ("finished" | "fenced")[]> {
    this.#session.ensureOpen();
    return ended.map((claimed) => this.#server.ledger.finish(claimed));
  }

  async take(holds: readonly Hold[], lease: Millis): Promise<readonly ("held" | "fenced")[]> {
    this.#session.ensureOpen();
    return holds.map((hold) => this.#server.ledger.take(hold, lease, this.#broker));
  }

  async renew(holds: readonly Claimed[], lease: Millis): Promise<readonly boolean[]> {
    this.#session.ensureOpen();
    return holds.map((claimed) => this.#server.ledger.renew(claimed, lease));
  }

  async expired(lease: Millis, limit: number): Promise<readonly ExpiredHold[]> {
    this.#session.ensureOpen();
    return this.#server.ledger.expired(lease, limit, this.#broker);
  }

  async release(holds: readonly Claimed[]): Promise<void> {
    this.#session.ensureOpen();
    for (const claimed of holds) this.#server.ledger.release(claimed);
  }
}
