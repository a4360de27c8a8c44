/** Celery's `task-sent`, told by who sends. What tells it is loaded with the first call that somebody may want to hear of. */

import type { Backend } from "../port/backend.ts";
import type { Outgoing } from "../port/broker.ts";
import type { AppConfig } from "./config.ts";

/** What tells of calls that were accepted. */
export interface SentTeller {
  tell(accepted: readonly Outgoing[]): void;
  /** Resolves when what was told is on its way. */
  drain(): Promise<void>;
}

export class SentEvents {
  readonly #config: AppConfig;
  readonly #origin: string;
  #loading: Promise<SentTeller> | undefined;
  #teller: SentTeller | undefined;

  constructor(config: AppConfig, origin: string) {
    this.#config = config;
    this.#origin = origin;
  }

  /** Nobody waits for it. */
  tell(backend: Backend, accepted: readonly Outgoing[]): void {
    const { sentEvents } = this.#config;
    if (sentEvents === false || accepted.length === 0) return;
    if (this.#teller !== undefined) this.#teller.tell(accepted);
    else void this.#load(backend, sentEvents).then((teller) => teller.tell(accepted));
  }

  async drain(): Promise<void> {
    await (await this.#loading)?.drain();
  }

  #load(backend: Backend, mode: true | "auto"): Promise<SentTeller> {
    this.#loading ??= import("../event/sent.ts").then(({ tellerOf }) => {
      this.#teller = tellerOf(backend.bus, this.#config.clock, mode, this.#origin);
      return this.#teller;
    });
    return this.#loading;
  }
}
