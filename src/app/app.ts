/** The front of everything: `createApp`, and what it returns. Opens nothing by itself; the first send or read connects. */

import { inspect } from "node:util";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { DeadLetters, QueueAdmin } from "../port/queue-admin.ts";
import type { SqliteConnection } from "../port/within.ts";
import type { AnyTaskOptions } from "../task/options.ts";
import { freeze, type FrozenApp } from "../task/registry.ts";
import type { AnySignature } from "../task/signature.ts";
import type { ResultTuple } from "../wire/outcome.ts";
import type { AsyncResult } from "./async-result.ts";
import { type BeatHandle, type BeatOptions, startBeat } from "./beat.ts";
import { type AppOptions, resolveConfig } from "./config.ts";
import { redactUrl } from "./connect.ts";
import { type AppCore, Core } from "./core.ts";
import type { DeclareRemote, DeclareTask, NameSignature } from "./declare.ts";
import { declareRemote, declareTask } from "./declaring.ts";
import { listenEvents, type ListenEvents } from "./events.ts";
import { explain } from "./explaining.ts";
import type { GroupResult } from "./group-result.ts";
import type { LaunchOptions } from "./launch.ts";
import { callSiteOf, type CallSite, locateModule } from "./module-location.ts";
import { checkNodeVersion } from "./node-version.ts";
import { lazyDeadLetters, lazyQueues } from "./queue-access.ts";
import { declareSchedule, type DeclareSchedule } from "./schedule-book.ts";
import { lazySchedules, type Schedules } from "./schedules.ts";
import type { Explanation } from "./reason.ts";
import type { RevokeOptions, StampValues } from "./revoking.ts";
import { openWithin, type Within } from "./within.ts";
import { startWork, type WorkerHandle, type WorkOptions } from "./work.ts";
import {
  type DelayWorkflow,
  type EnqueueWorkflow,
  handleOf,
  namedSignature,
  restoreGroup,
  startWorkflow,
} from "./workflow.ts";

/** Shared by copies of this package: an app made by one is known to the other. */
const inside: unique symbol = Symbol.for("celeriac.core");
const birthplace: unique symbol = Symbol.for("celeriac.birthplace");

/**
 * One place that knows where messages go.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * const app = createApp({ name: "shop", broker: "sqlite:celeriac.db" });
 * const add = app.task("add", ({ x, y }: { x: number; y: number }) => x + y);
 * const sent = await add.delay({ x: 1, y: 2 });
 * await using worker = await app.work({ pool: "inline" });
 * console.log(await sent.get({ timeout: "10s" })); // 3
 * await app.close();
 * ```
 */
export interface App extends AsyncDisposable {
  readonly name: string;
  /**
   * Declares a task: `(name, handler)` or `(name, options, handler)`. Throws NAME_INVALID, TASK_DUPLICATE or CONFIG_INVALID.
   *
   * @example
   * ```ts
   * const resize = app.task("image.resize", async (image: { file: string; width: number }, ctx) => {
   *   ctx.log.info("resizing", image);
   *   return { file: `${image.file}@${image.width}` };
   * });
   * ```
   */
  readonly task: DeclareTask;
  /**
   * Declares a task that other workers run, Python's among them.
   *
   * @example
   * ```ts
   * const score = app.remote<(text: string, top: number) => number>("ml.tasks.score", { queue: "ml" });
   * ```
   */
  readonly remote: DeclareRemote;
  /**
   * A call of a task by its name alone: its first argument comes from what ran before, the others are given now.
   *
   * @example
   * ```ts
   * import { chain } from "celeriac";
   * const latest = app.signature<() => string>("texts.latest").set({ queue: "texts" });
   * const score = app.signature<(text: string, top: number) => number>("ml.tasks.score", 3);
   * const sent = await app.delay(chain(latest, score));
   * ```
   */
  readonly signature: NameSignature;
  /**
   * Starts a workflow: a call, chain, group or chord that needs no input any more. Gives the handle of its end. Rejects as `delay` of a
   * task does, and with NOT_SUPPORTED for a chord where results are kept nowhere.
   */
  readonly delay: DelayWorkflow;
  /** The same with options. */
  readonly enqueue: EnqueueWorkflow;
  /**
   * The queue on a connection of your own to the broker's SQLite file, to enqueue inside your transactions. Once, when your process starts:
   * it makes the tables where they are missing. Rejects with NOT_SUPPORTED for another broker, DATABASE_DIFFERS, DATABASE_FOREIGN.
   */
  within(connection: SqliteConnection): Promise<Within>;
  /** A group that was kept by `save()`, here or in Python; `undefined` if none is. */
  groupResult<R = unknown>(id: string): Promise<GroupResult<R[]> | undefined>;
  /**
   * Declares when a call is sent: `(name, schedule, signature, options?)`, in a module that `tasks()` loads. A running beat sends it. Throws
   * NAME_INVALID, SCHEDULE_INVALID, SCHEDULE_DUPLICATE or CONFIG_INVALID.
   *
   * @example
   * ```ts
   * import { cron } from "celeriac";
   * const totals = app.task("totals", async (day: { back: number }) => day.back);
   * app.schedule("nightly", cron("0 3 * * *", { timezone: "Europe/Prague" }), totals.si({ back: 1 }), { overlap: "skip" });
   * ```
   */
  readonly schedule: DeclareSchedule;
  /** Schedules at run time: looking at them, adding, changing, pausing, running now. */
  readonly schedules: Schedules;
  /** The outcome of a task by its id, or of what a task returned a handle of; asks nobody yet. Throws MESSAGE_UNDECODABLE for what is neither. */
  result<R = unknown>(id: string | ResultTuple): AsyncResult<R>;
  /** Tasks that are not to run any more, by id: as `revoke` of their handles, for many at once. */
  revoke(ids: string | readonly string[], options?: RevokeOptions): Promise<void>;
  /**
   * All tasks with one of these stamps, also those that are sent while it is remembered.
   *
   * @example
   * ```ts
   * await app.revokeByStamps({ tenant: "t1" }, { terminate: true });
   * ```
   */
  revokeByStamps(stamps: StampValues, options?: RevokeOptions): Promise<void>;
  /** Why a task is not running, or where it is: asks broker, results and workers, which takes a second. Rejects with the driver's coded error. */
  explain(id: string, options?: { readonly signal?: AbortSignal }): Promise<Explanation>;
  /** Starts a scheduler in this process; any number may run. Rejects with NOT_SUPPORTED, SCHEDULE_TAKEN, or the driver's coded error. */
  beat(options?: BeatOptions): Promise<BeatHandle>;
  /** Starts a worker in this process. Rejects with NO_TASKS, APP_NOT_FOUND, or the driver's coded error. */
  work(options?: WorkOptions): Promise<WorkerHandle>;
  /** Listens to what all workers tell, Python's among them: `(listener)`, or without one for a loop. */
  readonly events: ListenEvents;
  /** Looking into queues. */
  readonly queues: QueueAdmin;
  /** Messages that could not be run to an end. */
  readonly dead: DeadLetters;
  /** Sends what is on its way, then closes the connection. Safe twice. */
  close(): Promise<void>;
  /** Loads all task modules; called by workers and their children. */
  [freeze](): Promise<FrozenApp>;
}

/**
 * Makes an app. Checks its options now (CONFIG_INVALID, BROKER_URL_INVALID, NODE_TOO_OLD); connects on first use.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * export const app = createApp({
 *   name: "shop",
 *   broker: process.env.CELERIAC_BROKER ?? "sqlite:celeriac.db",
 *   tasks: () => [import("./tasks.ts")],
 * });
 * ```
 */
export function createApp(options: AppOptions = {}): App {
  checkNodeVersion();
  const config = resolveConfig(options);
  const site = callSiteOf(2);
  const subject = { name: config.name, site, named: config.module, identify };
  const core = new Core(config, options.tasks, (clock) => locateModule({ ...subject, app }, clock));
  const app: App = new LocalApp(core, site);
  return app;
}

/** The inside of an app, for worker, web and command line. */
export function coreOf(app: App): AppCore {
  const core = (app as { readonly [inside]?: AppCore })[inside];
  if (core !== undefined) return core;
  throw new CeleriacError("CONFIG_INVALID", "This is not a Celeriac app. Give what createApp returns.");
}

/** True for what `createApp` returns, of this copy of the package or another. */
export function isApp(value: unknown): value is App {
  return typeof value === "object" && value !== null && inside in value;
}

function identify(value: unknown): { readonly name: string; readonly site: CallSite | undefined } | undefined {
  if (!isApp(value)) return undefined;
  return { name: value.name, site: (value as { readonly [birthplace]?: CallSite })[birthplace] };
}

class LocalApp implements App {
  readonly name: string;
  readonly queues: QueueAdmin;
  readonly dead: DeadLetters;
  readonly task: DeclareTask;
  readonly remote: DeclareRemote;
  readonly signature: NameSignature;
  readonly delay: DelayWorkflow;
  readonly enqueue: EnqueueWorkflow;
  readonly schedule: DeclareSchedule;
  readonly schedules: Schedules;
  readonly events: ListenEvents;
  readonly [inside]: AppCore;
  readonly [birthplace]: CallSite | undefined;

  constructor(core: AppCore, site: CallSite | undefined) {
    this.name = core.name;
    this[inside] = core;
    this[birthplace] = site;
    this.queues = lazyQueues(() => core.connect());
    this.dead = lazyDeadLetters(() => core.connect());
    this.schedules = lazySchedules(core);
    this.events = listenEvents(core);
    this.schedule = (name, schedule, signature, options = {}) =>
      core.schedules.add(declareSchedule(name, schedule, signature, options, core.config.defaultQueue));
    this.signature = ((name: string, ...rest: readonly unknown[]) =>
      namedSignature(core, name, rest)) as unknown as NameSignature;
    this.enqueue = ((workflow: AnySignature, given: LaunchOptions = {}) =>
      startWorkflow(core, workflow, given)) as unknown as EnqueueWorkflow;
    this.delay = ((workflow: AnySignature) => startWorkflow(core, workflow)) as unknown as DelayWorkflow;
    // One implementation behind all overloads; they say what goes together, `defineTask` checks it.
    this.task = ((name: string, ...rest: readonly unknown[]) =>
      declareTask(core, name, rest)) as unknown as DeclareTask;
    this.remote = ((name: string, options: AnyTaskOptions = {}) =>
      declareRemote(core, name, options)) as unknown as DeclareRemote;
  }

  result<R = unknown>(id: string | ResultTuple): AsyncResult<R> {
    if (typeof id === "string") return this[inside].result<R>(id);
    return handleOf(this[inside], id) as AsyncResult<R>;
  }

  revoke(ids: string | readonly string[], options: RevokeOptions = {}): Promise<void> {
    return this[inside].revoke({ ids: typeof ids === "string" ? [ids] : ids }, options);
  }

  revokeByStamps(stamps: StampValues, options: RevokeOptions = {}): Promise<void> {
    return this[inside].revoke({ stamps }, options);
  }

  groupResult<R = unknown>(id: string): Promise<GroupResult<R[]> | undefined> {
    return restoreGroup(this[inside], id) as Promise<GroupResult<R[]> | undefined>;
  }

  async within(connection: SqliteConnection): Promise<Within> {
    return openWithin(this[inside], connection);
  }

  async explain(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<Explanation> {
    return explain(this[inside], id, options.signal);
  }

  async work(options: WorkOptions = {}): Promise<WorkerHandle> {
    refuseInChild(this[inside], "worker", "app.work()");
    return startWork(this, options);
  }

  async beat(options: BeatOptions = {}): Promise<BeatHandle> {
    refuseInChild(this[inside], "scheduler", "app.beat()");
    return startBeat(this, options);
  }

  close(): Promise<void> {
    return this[inside].close();
  }

  /** What `console.log(app)` prints: nothing of the broker's password, which lies in the URL below. */
  [inspect.custom](): string {
    return `App ${JSON.stringify(this.name)} { broker: ${JSON.stringify(redactUrl(this[inside].config.broker))} }`;
  }

  [freeze](): Promise<FrozenApp> {
    return this[inside].freeze();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function refuseInChild(core: AppCore, what: string, call: string): void {
  if (core.role !== "child") return;
  throw new CeleriacError(
    "NOT_SUPPORTED",
    `A child of a pool starts no ${what}. Keep ${call} out of the modules that declare tasks.`,
  );
}
