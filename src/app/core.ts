/**
 * What the rooms above an app work with: its tasks, its one connection, its sender. In a pool child it refuses to open a broker,
 * because only the worker holds the connection.
 */

import { hostname } from "node:os";
import type { NewId } from "../canvas/freeze.ts";
import type { Launched } from "../canvas/result-node.ts";
import type { Clock } from "../clock/clock.ts";
import type { Backend } from "../port/backend.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Warning } from "../port/units.ts";
import type { SqliteConnection, Transactional } from "../port/within.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { durationMs } from "../task/duration.ts";
import { type FrozenApp, TaskRegistry } from "../task/registry.ts";
import { runningTask } from "../task/running.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { askToSend, noBrokerHere } from "./asking.ts";
import { type AsyncResult, StoredResult } from "./async-result.ts";
import type { AppConfig, AppOptions } from "./config.ts";
import { sharedWithPython } from "./connect.ts";
import { Connection } from "./connection.ts";
import { type Draft, draftOf, outgoingOf, type SendRequest } from "./draft.ts";
import type { ModuleLocation } from "./module-location.ts";
import { type Launch, type LaunchOptions, type Prepared, type Tick } from "./launch.ts";
import { pendingWrites, pendingWritesOf } from "./pending-record.ts";
import { AskingReader, type ResultReader, StoreReader } from "./result-reader.ts";
import type { Revoked, RevokeOptions } from "./revoking.ts";
import { ScheduleBook } from "./schedule-book.ts";
import { Sender } from "./sender.ts";
import { SentEvents } from "./sent-events.ts";
import { type Sent, sentOf } from "./sent.ts";
import { Launcher } from "./launcher.ts";
import type { TaskSender } from "./task-handle.ts";
import { loadTasks } from "./task-loading.ts";
import { Tracing } from "./tracing.ts";

/** The inside of an app, for worker, web and command line; not part of the public API. */
export interface AppCore extends TaskSender {
  readonly name: string;
  readonly config: AppConfig;
  readonly clock: Clock;
  /** "child" in a process or thread of a pool. */
  readonly role: "parent" | "child";
  /** What the driver said when it was opened; empty before. */
  readonly warnings: readonly Warning[];
  readonly registry: TaskRegistry;
  /** What `app.schedule` declared; complete after `load`. */
  readonly schedules: ScheduleBook;
  /** Calls `tasks()` once and answers with everything declared. Rejects with APP_LOAD_FAILED. */
  load(): Promise<TaskRegistry>;
  freeze(): Promise<FrozenApp>;
  /** The shared connection, opened once; after a failure the next call tries again. */
  connect(signal?: AbortSignal): Promise<Backend>;
  /** Where a pool child finds this app. Rejects with APP_NOT_FOUND and the remedy. */
  module(): Promise<ModuleLocation>;
  /** Sends calls in one publish. Rejects with the first refusal: QUEUE_FULL, UNROUTABLE, MESSAGE_TOO_LARGE, PUBLISH_UNKNOWN… */
  send(batch: readonly SendRequest[], signal?: AbortSignal): Promise<readonly Sent[]>;
  /** Sends what a pool child has decided already. */
  sendDrafts(drafts: readonly Draft[], signal?: AbortSignal, timeout?: number): Promise<readonly Sent[]>;
  /** Sends a workflow. Rejects as `send` does, and with NOT_SUPPORTED for a chord where results are kept nowhere. */
  launch(signature: WireSignature, options?: LaunchOptions): Promise<Launched>;
  /** Sends what a pool child has decided already. */
  sendLaunch(launch: Launch): Promise<Sent>;
  /**
   * What a workflow sends, for who sends it himself: ids that it lacks come from `newId`; without that they are new, and it is a child of
   * the task that runs. Its joins are to be opened before.
   */
  prepare(signature: WireSignature, options: LaunchOptions, newId?: NewId): Prepared;
  /** The same, and traced as a send: that of `go`, which is given it at once. Gives and throws what `go` does. */
  dispatch<T>(signature: WireSignature, options: LaunchOptions, go: (prepared: Prepared) => T, tick?: Tick): T;
  /** Takes messages inside transactions on a connection to the broker's own file. Rejects with NOT_SUPPORTED elsewhere. */
  within(connection: SqliteConnection): Promise<Transactional>;
  result<R>(id: string, duplicate?: boolean): AsyncResult<R>;
  revoke(what: Revoked, options: RevokeOptions): Promise<void>;
  /** Counts messages that the broker was given in another way than by a send from here, and tells listeners of them. */
  tellSent(backend: Backend, accepted: readonly Outgoing[]): void;
  /** From now on every send leaves a PENDING record for so long (ms), so that a result route can tell unknown ids. */
  keepPending(ttl: number): void;
  declare(definition: TaskDefinition): void;
  /** `stop` is awaited before the connection is closed: a worker gives back what it holds while it still can. */
  onClose(stop: () => Promise<void>): Disposable;
  close(): Promise<void>;
}

export class Core implements AppCore {
  readonly name: string;
  readonly config: AppConfig;
  readonly clock: Clock;
  readonly registry: TaskRegistry = new TaskRegistry();
  readonly schedules: ScheduleBook = new ScheduleBook();
  readonly #load: AppOptions["tasks"];
  readonly #locate: (clock: Clock) => Promise<ModuleLocation>;
  readonly #connection: Connection;
  readonly #sender: Sender;
  readonly #sentEvents: SentEvents;
  readonly #launcher: Launcher;
  readonly #reader: StoreReader;
  readonly #tracing: Tracing;
  readonly #origin = `gen${process.pid}@${hostname()}`;
  #loaded: Promise<void> | undefined;
  #located: Promise<ModuleLocation> | undefined;
  readonly #stops = new Set<() => Promise<void>>();
  #pendingTtl = 0;

  constructor(config: AppConfig, load: AppOptions["tasks"], locate: (clock: Clock) => Promise<ModuleLocation>) {
    this.name = config.name;
    this.config = config;
    this.clock = config.clock;
    this.#load = load;
    this.#locate = locate;
    this.#tracing = new Tracing(config);
    this.#connection = new Connection(config, () => this.#knownQueues());
    this.#sentEvents = new SentEvents(config, this.#origin);
    this.#sender = new Sender(
      this.clock,
      (signal) => this.#connection.open(signal),
      (backend, batch) => {
        this.#sentEvents.tell(backend, batch);
        this.#tracing.accepted(batch);
        return this.#recordPending(backend, batch);
      },
    );
    this.#launcher = new Launcher({
      config,
      sender: this.#sender,
      tracing: this.#tracing,
      connect: (signal) => this.connect(signal),
      replyTo: () => this.#connection.replyTo,
      queueOf: (task) => this.registry.get(task)?.queue ?? config.defaultQueue,
      isHeld: (task) => this.#isHeld(task),
      origin: this.#origin,
      pending: (backend, ids) => this.#recordLater(backend, ids),
    });
    this.#reader = new StoreReader(this.clock, (signal) => this.connect(signal), config.resultTtl);
  }

  get role(): "parent" | "child" {
    return process.env["CELERIAC_ROLE"] === "child" || runningTask()?.ask !== undefined ? "child" : "parent";
  }

  get warnings(): readonly Warning[] {
    return this.#connection.warnings;
  }

  declare(definition: TaskDefinition): void {
    this.registry.add(definition);
  }

  async load(): Promise<TaskRegistry> {
    this.#loaded ??= loadTasks(this.name, this.#load);
    await this.#loaded;
    return this.registry;
  }

  async freeze(): Promise<FrozenApp> {
    const registry = await this.load();
    const tasks = registry.list().map((each) => ({ name: each.name, shape: registry.shape(each) }));
    return { registry, tasks, telemetry: this.config.telemetry };
  }

  async connect(signal?: AbortSignal): Promise<Backend> {
    if (this.role === "child") throw noBrokerHere();
    return this.#connection.open(signal);
  }

  module(): Promise<ModuleLocation> {
    if (this.#located === undefined) {
      this.#located = this.#locate(this.clock);
      this.#located.catch(() => (this.#located = undefined));
    }
    return this.#located;
  }

  async send(batch: readonly SendRequest[], signal?: AbortSignal): Promise<readonly Sent[]> {
    const running = runningTask();
    const drafts = batch.map((request) => draftOf(request, this.config, this.clock, running));
    const options = batch[0]?.options;
    const timeout =
      options?.timeout === undefined ? this.config.publishTimeout : durationMs(options.timeout, "timeout");
    return this.#tracing.send(drafts, (traced) => this.sendDrafts(traced, signal ?? options?.signal, timeout));
  }

  async sendDrafts(
    drafts: readonly Draft[],
    signal?: AbortSignal,
    timeout: number = this.config.publishTimeout,
  ): Promise<readonly Sent[]> {
    if (drafts.length === 0) return [];
    const { maxMessageBytes, compression, compressOver } = this.config;
    const { replyTo } = this.#connection;
    const ask = runningTask()?.ask;
    const sending = {
      origin: this.#origin,
      maxMessageBytes,
      replyTo,
      compressOver,
      // What a child asks for is packed by its worker.
      compression: ask === undefined ? compression : undefined,
    };
    const batch = drafts.map((draft) => outgoingOf(draft, { ...sending, held: this.#isHeld(draft.task) }));
    if (ask !== undefined) return askToSend(ask, drafts, { clock: this.clock, timeout, signal });
    // Only where there is no connection yet: a child never gets one, and reading the environment takes most of a microsecond.
    if (!this.#connection.isOpen && this.role === "child") throw noBrokerHere();
    if (this.#connection.isClosed) throw this.#connection.closed();
    const sent = sentOf(drafts, await this.#sender.submit(batch, { timeout, signal }), this.config);
    runningTask()?.sent?.(sent.map(({ id }) => id));
    return sent;
  }

  #knownQueues(): readonly string[] {
    return [...new Set([this.config.defaultQueue, ...this.registry.list().map(({ queue }) => queue)])];
  }

  /**
   * Does the broker hold a delayed call back? What only Python runs would never come out again there: of its workers none looks for
   * it, and ours do not look into queues they do not serve.
   */
  #isHeld(task: string): boolean {
    return !sharedWithPython(this.config.broker) || this.registry.get(task)?.handler !== undefined;
  }

  async enqueue(batch: readonly SendRequest[], signal?: AbortSignal): Promise<readonly AsyncResult<unknown>[]> {
    const sent = await this.send(batch, signal);
    return sent.map((each) => this.result(each.id, each.kind === "duplicate"));
  }

  launch(signature: WireSignature, options: LaunchOptions = {}): Promise<Launched> {
    return this.#launcher.launch(signature, options);
  }

  sendLaunch(launch: Launch): Promise<Sent> {
    return this.#launcher.send(launch, this.config.publishTimeout);
  }

  prepare(signature: WireSignature, options: LaunchOptions, newId?: NewId): Prepared {
    return this.#launcher.plan(signature, options, newId);
  }

  dispatch<T>(signature: WireSignature, options: LaunchOptions, go: (prepared: Prepared) => T, tick?: Tick): T {
    return this.#launcher.dispatch(signature, options, go, tick);
  }

  within(connection: SqliteConnection): Promise<Transactional> {
    return this.#connection.within(connection);
  }

  result<R>(id: string, duplicate = false): AsyncResult<R> {
    return new StoredResult<R>(id, this.#readerHere(), duplicate);
  }

  revoke(what: Revoked, options: RevokeOptions): Promise<void> {
    return this.#readerHere().revoke(what, options);
  }

  #readerHere(): ResultReader {
    const ask = runningTask()?.ask;
    return ask === undefined ? this.#reader : new AskingReader(this.clock, ask);
  }

  tellSent(backend: Backend, accepted: readonly Outgoing[]): void {
    this.#sentEvents.tell(backend, accepted);
    this.#tracing.accepted(accepted);
  }

  keepPending(ttl: number): void {
    this.#pendingTtl = Math.max(this.#pendingTtl, ttl);
  }

  onClose(stop: () => Promise<void>): Disposable {
    this.#stops.add(stop);
    return { [Symbol.dispose]: () => this.#stops.delete(stop) };
  }

  async close(): Promise<void> {
    const stopped = await Promise.allSettled([...this.#stops].map((stop) => stop()));
    await this.#sender.drain();
    await this.#sentEvents.drain();
    await this.#connection.close();
    await this.#tracing.flush();
    // A worker that could not end well is no reason to keep the connection, but its owner should hear of it.
    for (const stop of stopped) if (stop.status === "rejected") throw stop.reason;
  }

  #recordPending(backend: Backend, accepted: readonly Outgoing[]): Promise<unknown> | undefined {
    if (this.#pendingTtl === 0 || accepted.length === 0) return undefined;
    return backend.store.commit(pendingWrites(accepted, this.#pendingTtl, this.clock.now()));
  }

  #recordLater(backend: Backend, ids: readonly string[]): Promise<unknown> | undefined {
    if (this.#pendingTtl === 0 || ids.length === 0) return undefined;
    return backend.store.commit(pendingWritesOf(ids, this.#pendingTtl)).catch(() => {});
  }
}
