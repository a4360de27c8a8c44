/**
 * What the rooms above an app work with: its tasks, its one connection, its sender. In a pool child it refuses to open a broker,
 * because only the worker holds the connection.
 */

import { hostname } from "node:os";
import type { NewId } from "../canvas/freeze.ts";
import type { Launched } from "../canvas/result-node.ts";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Warning } from "../port/units.ts";
import type { SqliteConnection, Transactional } from "../port/within.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { durationMs } from "../task/duration.ts";
import { type FrozenApp, TaskRegistry } from "../task/registry.ts";
import { runningTask } from "../task/running.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { goesAlone, sendAlone } from "./alone.ts";
import { askToSend, noBrokerHere } from "./asking.ts";
import { type AsyncResult, StoredResult } from "./async-result.ts";
import type { AppConfig, AppOptions } from "./config.ts";
import { type Draft, type Drafting, draftOf, outgoingOf, type SendRequest } from "./draft.ts";
import type { ModuleLocation } from "./module-location.ts";
import { type Launch, type LaunchOptions, type Prepared, type Tick } from "./launch.ts";
import type { MakeBackend } from "./connection.ts";
import { AskingReader, type ResultReader } from "./result-reader.ts";
import type { Revoked, RevokeOptions } from "./revoking.ts";
import { ScheduleBook } from "./schedule-book.ts";
import { anyStands, sendStanding } from "./standing.ts";
import { type Sent, sentOf } from "./sent.ts";
import type { TaskSender } from "./task-handle.ts";
import { TaskIds } from "./task-id.ts";
import { loadTasks } from "./task-loading.ts";
import { Wiring } from "./wiring.ts";

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
  /**
   * Sends calls in one publish. Throws what is wrong with one of them: NAME_INVALID, CONFIG_INVALID… Rejects with the first refusal:
   * QUEUE_FULL, UNROUTABLE, NOT_SERIALIZABLE, MESSAGE_TOO_LARGE, PUBLISH_UNKNOWN…
   */
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
  result<R>(id: string, sent?: Sent["kind"]): AsyncResult<R>;
  revoke(what: Revoked, options: RevokeOptions): Promise<void>;
  /** Counts messages that the broker was given in another way than by a send from here, and tells listeners of them. */
  tellSent(backend: Backend, accepted: readonly Outgoing[]): void;
  /** From now on every send leaves a PENDING record for so long (ms), so that a result route can tell unknown ids. */
  keepPending(ttl: number): void;
  declare(definition: TaskDefinition): void;
  /**
   * Until it is disposed, the app sends to, reads from and runs on what `make` gives, by another clock, and does not touch its own broker.
   * For tests. Throws TEST_APP_IN_USE if that is open, or if it is redirected already; BACKEND_CLOSED.
   */
  redirect(clock: Clock, make: MakeBackend): Disposable;
  /** `stop` is awaited before the connection is closed: a worker gives back what it holds while it still can. */
  onClose(stop: () => Promise<void>): Disposable;
  close(): Promise<void>;
}

export class Core implements AppCore {
  readonly name: string;
  readonly registry: TaskRegistry = new TaskRegistry();
  readonly schedules: ScheduleBook = new ScheduleBook();
  readonly #load: AppOptions["tasks"];
  readonly #locate: (clock: Clock) => Promise<ModuleLocation>;
  readonly #ids = new TaskIds();
  readonly #origin = `gen${process.pid}@${hostname()}`;
  #wiring: Wiring;
  #redirected = false;
  #loaded: Promise<void> | undefined;
  #located: Promise<ModuleLocation> | undefined;
  #pendingTtl = 0;

  constructor(config: AppConfig, load: AppOptions["tasks"], locate: (clock: Clock) => Promise<ModuleLocation>) {
    this.name = config.name;
    this.#load = load;
    this.#locate = locate;
    this.#wiring = this.#wire(config);
  }

  get config(): AppConfig {
    return this.#wiring.config;
  }

  get clock(): Clock {
    return this.#wiring.config.clock;
  }

  get role(): "parent" | "child" {
    return process.env["CELERIAC_ROLE"] === "child" || runningTask()?.ask !== undefined ? "child" : "parent";
  }

  get warnings(): readonly Warning[] {
    return this.#wiring.connection.warnings;
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
    return this.#wiring.connection.open(signal);
  }

  module(): Promise<ModuleLocation> {
    if (this.#located === undefined) {
      this.#located = this.#locate(this.clock);
      this.#located.catch(() => (this.#located = undefined));
    }
    return this.#located;
  }

  send(batch: readonly SendRequest[], signal?: AbortSignal): Promise<readonly Sent[]> {
    const { config } = this;
    const drafting = this.#drafting(config);
    const drafts = batch.map((request) => draftOf(request, drafting));
    const options = batch[0]?.options;
    const timeout = options?.timeout === undefined ? config.publishTimeout : durationMs(options.timeout, "timeout");
    return this.#wiring.tracing.send(drafts, (traced) => this.sendDrafts(traced, signal ?? options?.signal, timeout));
  }

  sendOne(request: SendRequest): Promise<AsyncResult<unknown>> {
    const { config } = this;
    if (!goesAlone(request, config))
      return this.send([request]).then((sent) => this.handles(sent)[0] as AsyncResult<unknown>);
    const draft = draftOf(request, this.#drafting(config));
    this.#mustSend();
    return sendAlone(draft, request.options.timeout, this.#wiring, this.#readerHere());
  }

  async sendDrafts(
    drafts: readonly Draft[],
    signal?: AbortSignal,
    timeout: number = this.config.publishTimeout,
  ): Promise<readonly Sent[]> {
    if (drafts.length === 0) return [];
    const { sender, sending: outward } = this.#wiring;
    const ask = runningTask()?.ask;
    // What a child asks for is packed by its worker.
    const sending = ask === undefined ? outward : { ...outward, compression: undefined };
    const batch = drafts.map((draft) => outgoingOf(draft, sending));
    if (ask !== undefined) return askToSend(ask, drafts, { clock: this.clock, timeout, signal });
    this.#mustSend();
    const submit = (some: readonly Outgoing[]) => sender.submit(some, { timeout, signal });
    const answers = await (anyStands(drafts)
      ? sendStanding(drafts, batch, (draft) => outgoingOf(draft, sending), submit)
      : submit(batch));
    const sent = sentOf(drafts, answers, this.config);
    runningTask()?.sent?.(sent.map(({ id }) => id));
    return sent;
  }

  handles(sent: readonly Sent[]): readonly AsyncResult<unknown>[] {
    const reader = this.#readerHere();
    return sent.map(({ id, kind }) => new StoredResult(id, reader, kind));
  }

  launch(signature: WireSignature, options: LaunchOptions = {}): Promise<Launched> {
    return this.#wiring.launcher.launch(signature, options);
  }

  sendLaunch(launch: Launch): Promise<Sent> {
    return this.#wiring.launcher.send(launch, this.config.publishTimeout);
  }

  prepare(signature: WireSignature, options: LaunchOptions, newId?: NewId): Prepared {
    return this.#wiring.launcher.plan(signature, options, newId);
  }

  dispatch<T>(signature: WireSignature, options: LaunchOptions, go: (prepared: Prepared) => T, tick?: Tick): T {
    return this.#wiring.launcher.dispatch(signature, options, go, tick);
  }

  within(connection: SqliteConnection): Promise<Transactional> {
    return this.#wiring.connection.within(connection);
  }

  result<R>(id: string, sent?: Sent["kind"]): AsyncResult<R> {
    return new StoredResult<R>(id, this.#readerHere(), sent);
  }

  revoke(what: Revoked, options: RevokeOptions): Promise<void> {
    return this.#readerHere().revoke(what, options);
  }

  #drafting(config: AppConfig): Drafting {
    return { config, clock: config.clock, ids: this.#ids, running: runningTask() };
  }

  /** Throws where no broker can be had. */
  #mustSend(): void {
    const { connection } = this.#wiring;
    // Only where there is no connection yet: a child never gets one, and reading the environment takes most of a microsecond.
    if (!connection.isOpen && this.role === "child") throw noBrokerHere();
    if (connection.isClosed) throw connection.closed();
  }

  #readerHere(): ResultReader {
    const ask = runningTask()?.ask;
    return ask === undefined ? this.#wiring.reader : new AskingReader(this.clock, ask);
  }

  tellSent(backend: Backend, accepted: readonly Outgoing[]): void {
    this.#wiring.tellSent(backend, accepted);
  }

  keepPending(ttl: number): void {
    this.#pendingTtl = Math.max(this.#pendingTtl, ttl);
  }

  onClose(stop: () => Promise<void>): Disposable {
    const { stops } = this.#wiring;
    stops.add(stop);
    return { [Symbol.dispose]: () => void stops.delete(stop) };
  }

  redirect(clock: Clock, make: MakeBackend): Disposable {
    const before = this.#wiring;
    if (before.connection.isClosed) throw before.connection.closed();
    if (this.#redirected) throw inUse(this.name, "is under test already; close what testApp gave before");
    if (before.connection.isOpen)
      throw inUse(this.name, "has its own broker open already; call testApp before anything is sent, read or started");
    const broker = new URL("memory:");
    this.#wiring = this.#wire({ ...before.config, broker, results: undefined, schedules: undefined, clock }, make);
    this.#redirected = true;
    return {
      [Symbol.dispose]: () => {
        this.#wiring = before;
        this.#redirected = false;
      },
    };
  }

  close(): Promise<void> {
    return this.#wiring.close();
  }

  #wire(config: AppConfig, make?: MakeBackend): Wiring {
    const wired = {
      registry: this.registry,
      origin: this.#origin,
      pendingTtl: () => this.#pendingTtl,
      connect: (signal?: AbortSignal) => this.connect(signal),
    };
    return new Wiring(config, wired, make);
  }
}

function inUse(name: string, why: string): CeleriacError {
  return new CeleriacError("TEST_APP_IN_USE", `The app "${name}" ${why}.`);
}
