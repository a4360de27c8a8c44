/**
 * What an app sends and reads with: one connection, and all that stands on it. An app has one of its own, and another in its place
 * for as long as it is redirected.
 */

import type { Backend } from "../port/backend.ts";
import type { Outgoing } from "../port/broker.ts";
import type { TaskRegistry } from "../task/registry.ts";
import type { AppConfig } from "./config.ts";
import { sharedWithPython } from "./connect.ts";
import { Connection, type MakeBackend } from "./connection.ts";
import type { Sending } from "./draft.ts";
import { Launcher } from "./launcher.ts";
import { pendingWrites, pendingWritesOf } from "./pending-record.ts";
import { StoreReader } from "./result-reader.ts";
import { Sender } from "./sender.ts";
import { SentEvents } from "./sent-events.ts";
import { Tracing } from "./tracing.ts";

/** What belongs to the app whatever it is wired to. */
export interface Wired {
  readonly registry: TaskRegistry;
  readonly origin: string;
  /** Every send leaves a PENDING record for so long, ms; 0: none does. */
  readonly pendingTtl: () => number;
  readonly connect: (signal?: AbortSignal) => Promise<Backend>;
}

export class Wiring {
  readonly config: AppConfig;
  readonly connection: Connection;
  readonly sender: Sender;
  readonly sentEvents: SentEvents;
  readonly launcher: Launcher;
  readonly reader: StoreReader;
  readonly tracing: Tracing;
  /**
   * Does the broker hold a delayed call of this task back? What only Python runs would never come out again there: of its workers none looks for
   * it, and ours do not look into queues they do not serve.
   */
  readonly isHeld: (task: string) => boolean;
  readonly stops: Set<() => Promise<void>> = new Set();
  readonly #app: Wired;
  readonly #origin: string;
  #sending: Sending | undefined;

  constructor(config: AppConfig, app: Wired, make?: MakeBackend) {
    const { registry, origin } = app;
    this.config = config;
    this.#app = app;
    this.#origin = origin;
    const queueOf = (task: string): string => registry.get(task)?.queue ?? config.defaultQueue;
    const known = (): readonly string[] => [
      ...new Set([config.defaultQueue, ...registry.list().map(({ queue }) => queue)]),
    ];
    this.isHeld = (task) => !sharedWithPython(config.broker) || registry.get(task)?.handler !== undefined;
    this.tracing = new Tracing(config);
    this.connection = new Connection(config, known, make);
    this.sentEvents = new SentEvents(config, origin);
    this.sender = new Sender(
      config.clock,
      () => this.connection.open(),
      (backend, batch) => {
        this.tellSent(backend, batch);
        return this.#recordPending(backend, batch);
      },
    );
    this.launcher = new Launcher({
      config,
      sender: this.sender,
      tracing: this.tracing,
      connect: app.connect,
      replyTo: () => this.connection.replyTo,
      queueOf,
      isHeld: this.isHeld,
      origin,
      pending: (backend, ids) => this.#recordLater(backend, ids),
    });
    this.reader = new StoreReader(config.clock, app.connect, config.resultTtl);
  }

  /** What makes messages of calls. */
  get sending(): Sending {
    const { replyTo } = this.connection;
    if (this.#sending === undefined || this.#sending.replyTo !== replyTo) {
      const { maxMessageBytes, compression, compressOver } = this.config;
      const { isHeld } = this;
      const origin = this.#origin;
      this.#sending = { isHeld, origin, maxMessageBytes, replyTo, compression, compressOver };
    }
    return this.#sending;
  }

  tellSent(backend: Backend, accepted: readonly Outgoing[]): void {
    this.sentEvents.tell(backend, accepted);
    this.tracing.accepted(accepted);
  }

  async close(): Promise<void> {
    const stopped = await Promise.allSettled([...this.stops].map((stop) => stop()));
    await this.sender.drain();
    await this.sentEvents.drain();
    await this.connection.close();
    await this.tracing.flush();
    // A worker that could not end well is no reason to keep the connection, but its owner should hear of it.
    for (const stop of stopped) if (stop.status === "rejected") throw stop.reason;
  }

  #recordPending(backend: Backend, accepted: readonly Outgoing[]): Promise<unknown> | undefined {
    const ttl = this.#app.pendingTtl();
    if (ttl === 0 || accepted.length === 0) return undefined;
    return backend.store.commit(pendingWrites(accepted, ttl, this.config.clock.now()));
  }

  #recordLater(backend: Backend, ids: readonly string[]): Promise<unknown> | undefined {
    const ttl = this.#app.pendingTtl();
    if (ttl === 0 || ids.length === 0) return undefined;
    return backend.store.commit(pendingWritesOf(ids, ttl)).catch(() => {});
  }
}
