/** The one connection of an app: opened on first use, shared by all, closed once. A failed opening is forgotten, so the next call tries anew. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Warning } from "../port/units.ts";
import type { AppConfig } from "./config.ts";
import { openBackend } from "./connect.ts";
import { within } from "./deadline.ts";

export class Connection {
  readonly #config: AppConfig;
  readonly #closing = new AbortController();
  #backend: Promise<Backend> | undefined;
  #warnings: readonly Warning[] = [];

  constructor(config: AppConfig) {
    this.#config = config;
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
    const { broker, clock, maxMessageBytes, maxDepth, publishTimeout, allowEviction, keyPrefix } = this.#config;
    const backend = await openBackend(broker, {
      clock,
      maxMessageBytes,
      maxDepth,
      commandTimeout: publishTimeout,
      allowEviction,
      keyPrefix,
    });
    try {
      this.#warnings = await backend.open(this.#closing.signal);
      return backend;
    } catch (error) {
      await backend.close().catch(() => {});
      throw this.isClosed ? this.closed() : error;
    }
  }
}
