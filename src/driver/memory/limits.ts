/** The limits of a server in this process. */

import type { Limits } from "../../port/limits.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

export class MemoryLimits implements Limits {
  readonly #server: MemoryServer;
  readonly #session: Session;

  constructor(server: MemoryServer, session: Session) {
    this.#server = server;
    this.#session = session;
  }

  async take(batch: Parameters<Limits["take"]>[0]): ReturnType<Limits["take"]> {
    this.#session.ensureOpen();
    return batch.map((ask) => this.#server.limits.take(ask));
  }

  async give(batch: Parameters<Limits["give"]>[0]): Promise<void> {
    this.#session.ensureOpen();
    for (const place of batch) this.#server.limits.places.give(place);
  }

  async look(keys: readonly string[]): ReturnType<Limits["look"]> {
    this.#session.ensureOpen();
    return keys.map((key) => this.#server.limits.look(key));
  }

  async places(keys: readonly string[]): ReturnType<Limits["places"]> {
    this.#session.ensureOpen();
    return keys.map((key) => this.#server.limits.places.places(key));
  }
}
