/** The one connection of an app: opened on first use, shared by all, closed once. A failed opening is forgotten, so the next call tries anew. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend, ServerBackend } from "../port/backend.ts";
import type { Warning } from "../port/units.ts";
import type { AppConfig } from "./config.ts";
import { openBackend } from "./connect.ts";
import { within } from "./deadline.ts";
import { pairBackends, withSchedules } from "./pairing.ts";
import { signedBackend } from "./signed-backend.ts";

export class Connection {
  readonly #config: AppConfig;
  readonly #knownQueues: () => readonly string[];
  readonly #closing = new AbortController();
  #backend: Promise<Backend> | undefined;
  #warnings: readonly Warning[] = [];

  /** Where results come that are sent instead of kept: `reply_to` of what is sent; `undefined` with any other store. */
  readonly replyTo: string | undefined;

  constructor(config: AppConfig, knownQueues: () => readonly string[]) {
    this.#config = config;
    this.#knownQueues = knownQueues;
    this.replyTo = config.results === "rpc:" ? crypto.randomUUID() : undefined;
  }

  get warnings(): readonly Warning[] {
    return this.#warnings;
  }

  /** Open, or being opened. */
  get isOpen(): boolean {
    return this.#backend !== undefined;
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Rejects with the driver's coded error, BACKEND_CLOSED, or the signal's reason; the opening itself goes on for others. */
  open(signal?: AbortSignal): Promise<Backend> {
    if (this.isClosed) return Promise.reject(this.closed());
    if (this.#backend === undefined) {
      const opening = this.#open();
      opening.catch(() => {
        if (this.#backend === opening) this.#backend = undefined;
      });
      this.#backend = opening;
    }
    return signal === undefined ? this.#backend : within(this.#backend, signal);
  }

  async close(): Promise<void> {
    const opening = this.#backend;
    if (!this.isClosed) this.#closing.abort(this.closed());
    const backend = await opening?.catch(() => undefined);
    await backend?.close();
  }

  closed(): CeleriacError {
    return new CeleriacError(
      "BACKEND_CLOSED",
      `The app "${this.#config.name}" was closed; create another one to go on.`,
    );
  }

  async #open(): Promise<Backend> {
    const bare = await this.#make();
    const { signing, clock } = this.#config;
    const backend = signing === undefined ? bare : signedBackend(bare, signing, clock);
    try {
      this.#warnings = await backend.open(this.#closing.signal);
      return backend;
    } catch (error) {
      await backend.close().catch(() => {});
      throw this.isClosed ? this.closed() : error;
    }
  }

  /** The ports of one server, two or three. */
  async #make(): Promise<Backend> {
    const { broker, results, schedules, clock, maxMessageBytes, maxDepth, publishTimeout, allowEviction, keyPrefix } =
      this.#config;
    const options = {
      clock,
      maxMessageBytes,
      maxDepth,
      commandTimeout: publishTimeout,
      allowEviction,
      keyPrefix,
      knownQueues: this.#knownQueues,
    };
    const messages = await openBackend(broker, options);
    const backend = this.#withResults(
      messages,
      results instanceof URL ? await openBackend(results, options) : undefined,
    );
    if (schedules === undefined) return backend;
    return withSchedules(backend, await openBackend(schedules, options), { clock, publishTimeout });
  }

  #withResults(messages: ServerBackend, server: ServerBackend | undefined): Backend {
    const { clock, publishTimeout, resultTtl } = this.#config;
    const steps = { clock, publishTimeout };
    if (this.replyTo !== undefined) return pairBackends(messages, { address: this.replyTo, ttl: resultTtl }, steps);
    if (server !== undefined) return pairBackends(messages, { server }, steps);
    if (keepsResults(messages)) return messages;
    throw new CeleriacError("CONFIG_INVALID", "This broker keeps no results; name a place with `results`.");
  }
}

function keepsResults(backend: ServerBackend): backend is ServerBackend & Backend {
  return backend.store !== undefined;
}
