/** The control state of a server in this process. */

import type { ControlFact, ControlState } from "../../port/control-state.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryControlState implements ControlState {
  readonly #server: MemoryServer;
  readonly #session: Session;

  constructor(server: MemoryServer, session: Session) {
    this.#server = server;
    this.#session = session;
  }

  async changes(since: number): ReturnType<ControlState["changes"]> {
    this.#session.ensureOpen();
    return this.#server.facts.changes(since);
  }

  async set(facts: readonly ControlFact[]): Promise<number> {
    this.#session.ensureOpen();
    return this.#server.facts.set(facts);
  }

  async replace(fact: ControlFact, value: string | null): Promise<boolean> {
    this.#session.ensureOpen();
    return this.#server.facts.replace(fact, value);
  }
}
