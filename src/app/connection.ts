/** The one connection of an app: opened on first use, shared by all, closed once. A failed opening is forgotten, so the next call tries anew. */

import { isMainThread } from "node:worker_threads";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend, BackendOptions, ServerBackend } from "../port/backend.ts";
import type { Warning } from "../port/units.ts";
import type { SqliteConnection, Transactional } from "../port/within.ts";
import type { AppConfig } from "./config.ts";
import { loadWithin, openBackend } from "./connect.ts";
import { within } from "./deadline.ts";
import { pairBackends, withSchedules } from "./pairing.ts";
import { signedBackend, signedWithin } from "./signed-backend.ts";

/** Makes what is opened, in place of the driver that the broker's URL names. */
export type MakeBackend = (options: Omit<BackendOptions, "url">) => Backend;

export class Connection {
  readonly #config: AppConfig;
  readonly #instead: MakeBackend | undefined;
  readonly #knownQueues: () => readonly string[];
  readonly #closing = new AbortController();
  #backend: Promise<Backend> | undefined;
  #warnings: readonly Warning[] = [];
  #keptOut: CeleriacError | undefined;

  /** Where results come that are sent instead of kept: `reply_to` of what is sent; `undefined` with any other store. */
  readonly replyTo: string | undefined;

  constructor(config: AppConfig, knownQueues: () => readonly string[], instead?: MakeBackend) {
    this.#config = config;
    this.#instead = instead;
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
    if (this.#keptOut !== undefined) return Promise.reject(this.#keptOut);
    if (this.#backend === undefined) {
      const opening = this.#open();
      opening.catch(() => {
        if (this.#backend === opening) this.#backend = undefined;
      });
      this.#backend = opening;
    }
    return signal === undefined ? this.#backend : within(this.#backend, signal);
  }

  /** Takes messages on a connection of the user's own, and opens none. Rejects with NOT_SUPPORTED and what the driver throws. */
  async within(connection: SqliteConnection): Promise<Transactional> {
    if (this.isClosed) throw this.closed();
    const { broker, clock, maxDepth, maxMessageBytes, signing, keysWithheld } = this.#config;
    if (keysWithheld) throw noKeys();
    const load = await loadWithin(broker);
    const unopened = load({ url: broker, clock, maxDepth, maxMessageBytes }, connection);
    if (!unopened.sharesLocks) {
      // POSIX locks are the process's: two copies of SQLite take the same one at the same time, and damage the file.
      if (this.isOpen || !isMainThread) throw twoCopies();
      this.#keptOut = twoCopies();
    }
    const taken = unopened.open();
    return signing === undefined ? taken : signedWithin(taken, signing, clock);
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
      for (const { code, text } of this.#warnings) this.#config.log?.warn({ app: this.#config.name, code }, text);
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
    if (this.#instead !== undefined) return this.#instead(options);
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

function noKeys(): CeleriacError {
  return new CeleriacError(
    "NOT_SUPPORTED",
    'A child of a pool gets no keys, so what it puts into a transaction by itself would be unsigned, and refused. Run the task in a worker with pool "inline", or write into an outbox, whose relay signs.',
  );
}

function twoCopies(): CeleriacError {
  return new CeleriacError(
    "NOT_SUPPORTED",
    "This connection has an SQLite of its own beside that of Node. In one process both would hold the same lock of the file, which damages it. Use node:sqlite for the connection, or let this app do nothing here but enqueue within it: workers and results belong in other processes.",
  );
}

function keepsResults(backend: ServerBackend): backend is ServerBackend & Backend {
  return backend.store !== undefined;
}
