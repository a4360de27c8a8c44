/**
 * A queue in a file beside the server, for background work that must survive its death: `send` resolves when the call is in the file, and a
 * worker in this process runs it, now or after the next start. It runs the app's own tasks, at least once, and never the app's own queue.
 * What those tasks send themselves goes to the app's broker, as from anywhere.
 */

import { resolve } from "node:path";
import { type App, coreOf, createApp } from "../app/app.ts";
import type { AsyncResult } from "../app/async-result.ts";
import type { AppCore } from "../app/core.ts";
import { TaskHandle } from "../app/task-handle.ts";
import type { WorkerEvent, WorkerHandle } from "../app/work.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { ResultStore } from "../port/result-store.ts";
import type { BackgroundLog } from "./background.ts";

/** Where `background.durable` keeps its work, and how much of it runs at once. */
export interface DurableOptions {
  /** A `sqlite:` URL of a file of its own, on a disk that outlives the process. */
  readonly file: string | URL;
  /** Tasks that run at once, on this process's event loop. Default 10. */
  readonly concurrency?: number;
}

export interface DurableSetting {
  readonly app: App;
  readonly options: string | URL | DurableOptions;
  readonly log: BackgroundLog;
  /** How long an accepted call that has not begun is known to result routes, ms. */
  readonly pendingTtl: number;
}

const queue = "background";
/** How long a worker that is no longer needed lets its tasks run, ms: longer than any of them. */
const patient = 2_147_483_647;

export class DurableQueue {
  readonly #core: AppCore;
  readonly #log: BackgroundLog;
  readonly #concurrency: number;
  readonly #file: string;
  readonly #app: App;
  #starting: Promise<WorkerHandle | undefined> | undefined;
  #closing: Promise<void> | undefined;
  /** Settles when what ran here has ended. */
  #retiring: Promise<void> | undefined;
  #successor: DurableQueue | undefined;

  /** Throws BROKER_URL_INVALID, or CONFIG_INVALID for what is no file of its own. Opens nothing. */
  constructor({ app, options, log, pendingTtl }: DurableSetting) {
    const { file, concurrency = 10 } =
      typeof options === "string" || options instanceof URL ? ({ file: options } as DurableOptions) : options;
    this.#core = coreOf(app);
    this.#log = log;
    this.#concurrency = concurrency;
    const { broker, results, clock, resultTtl, maxMessageBytes, telemetry, log: logger } = this.#core.config;
    this.#app = createApp({
      name: `${app.name} background`,
      broker: file,
      defaultQueue: queue,
      clock,
      resultTtl,
      maxMessageBytes,
      sentEvents: false,
      ...(telemetry !== undefined && { telemetry }),
      ...(logger !== undefined && { log: logger }),
      tasks: () => this.#adopt(),
    });
    const own = coreOf(this.#app).config.broker;
    this.#file = own.pathname;
    if (own.protocol !== "sqlite:")
      throw refused(`is a ${own.protocol} URL; it must be a file beside this server, such as sqlite:background.db`);
    for (const other of [broker, results])
      if (other instanceof URL && other.protocol === "sqlite:" && resolve(other.pathname) === resolve(own.pathname))
        throw refused("is the app's own file; name another one, or the tasks of all workers would run in this process");
    coreOf(this.#app).keepPending(pendingTtl);
  }

  /** The path of its file. */
  get file(): string {
    return this.#file;
  }

  /** Opens the file and runs what an earlier process left in it. Rejects with BACKGROUND_UNAVAILABLE; the next call tries anew. */
  async start(): Promise<void> {
    if (this.#closing !== undefined) return;
    this.#starting ??= this.#retiring === undefined ? this.#work() : this.#open();
    try {
      // Nothing that could run yet: the first call of a task that is declared later looks again.
      if ((await this.#starting) === undefined) this.#starting = undefined;
    } catch (error) {
      this.#starting = undefined;
      throw this.#unavailable(error);
    }
  }

  /** Starts behind what the caller still declares; who sends meets the error again, so here it is told and no more. */
  startSoon(): void {
    setImmediate(() => {
      if (this.#retiring !== undefined) return;
      this.start().catch((error: unknown) => this.#log.error({ err: error }, messageOf(error)));
    });
  }

  /** Resolves when the call is in the file. Rejects with BACKGROUND_UNAVAILABLE, TASK_UNKNOWN, and what `enqueue` rejects with. */
  async send(name: string, input: unknown): Promise<AsyncResult<unknown>> {
    const definition = this.#core.registry.get(name);
    if (definition?.handler === undefined) throw notRunHere(name, this.#core.name);
    await this.#prepare(definition);
    return new TaskHandle(definition, coreOf(this.#app)).enqueue(input, { queue });
  }

  /** Where the results lie of what was sent here; undefined while the file cannot be opened, of which `start` tells. */
  async results(): Promise<ResultStore | undefined> {
    return coreOf(this.#app)
      .connect()
      .then(
        ({ store }) => store,
        () => undefined,
      );
  }

  /** Leaves the running to another queue of this process on the same file. What runs here ends, however long it lasts; what is sent here runs there. */
  retire(successor: DurableQueue): void {
    this.#successor ??= successor;
    this.#retiring ??= this.#rest();
  }

  /** Lets what runs end, for `grace` ms at most; the rest stays in the file. Safe twice. */
  close(grace: number): Promise<void> {
    this.#closing ??= this.#end(grace);
    return this.#closing;
  }

  async #end(grace: number): Promise<void> {
    const worker = await this.#starting?.catch(() => undefined);
    const over = new AbortController();
    try {
      // A second stop takes away what still runs.
      if (this.#retiring !== undefined)
        await Promise.race([this.#retiring, this.#core.clock.sleep(grace, over.signal)]);
      await worker?.stop({ grace });
    } finally {
      over.abort();
      await this.#app.close();
    }
  }

  /** Resolves when somebody runs the task, with the successor's handler if it has one. */
  async #prepare(definition: TaskDefinition): Promise<void> {
    const core = coreOf(this.#app);
    // Declared after the worker began, or what it waits for.
    if (core.registry.get(definition.name) === undefined) core.declare(definition);
    await this.start();
    const successor = this.#successor;
    if (successor === undefined) return;
    // Its own come first. What cannot be loaded there is told where it starts.
    await successor.#adopt().catch(() => {});
    await successor.#prepare(definition);
  }

  async #rest(): Promise<void> {
    const worker = await this.#starting?.catch(() => undefined);
    await worker?.stop({ grace: patient }).catch((error: unknown) => this.#log.error({ err: error }, messageOf(error)));
  }

  async #open(): Promise<undefined> {
    await coreOf(this.#app).connect();
  }

  /** Undefined while the app has declared no task: then there is nothing that could run. */
  async #work(): Promise<WorkerHandle | undefined> {
    try {
      const known = (await this.#core.load()).list();
      const worker = await this.#app.work({
        pool: "inline",
        // What a task puts in its own place is sent on here, to the queue that it declares.
        queues: [...new Set([queue, this.#core.config.defaultQueue, ...known.map((task) => task.queue)])],
        concurrency: this.#concurrency,
        name: `background-${String(process.pid)}@${this.#core.name}`,
        events: false,
        // The app's own logger hears of all, as from any worker.
        ...(this.#core.config.log === undefined && { onEvent: (event: WorkerEvent) => this.#tell(event) }),
      });
      worker.closed.catch((error: unknown) => this.#log.error({ err: error }, messageOf(error)));
      return worker;
    } catch (error) {
      if (!(error instanceof CeleriacError && error.code === "NO_TASKS")) throw error;
      await coreOf(this.#app).connect();
      return undefined;
    }
  }

  async #adopt(): Promise<void> {
    const own = coreOf(this.#app);
    for (const definition of (await this.#core.load()).list())
      if (own.registry.get(definition.name) === undefined) own.declare(definition);
  }

  #tell({ type, task, id, code, text, detail }: WorkerEvent): void {
    const fields = { background: task, id, ...(code !== undefined && { code }), ...detail };
    if (type === "task:failed") this.#log.error(fields, `background task ${String(task)} failed: ${String(text)}`);
    else if (type === "task:buried")
      this.#log.error(fields, `background task ${String(task)} is given up: ${String(text)}`);
    else if (type === "worker:warning") this.#log.warn(fields, `background queue: ${String(text)}`);
  }

  #unavailable(error: unknown): CeleriacError {
    const cause = error instanceof CeleriacError ? error : undefined;
    return new CeleriacError(
      "BACKGROUND_UNAVAILABLE",
      `The queue behind background.durable, "${this.#file}", cannot be used: ${messageOf(error)} Nothing was sent. Name a file that this process may write, on a local disk: tasks({ durable: "sqlite:background.db" }).`,
      { cause: error, details: { file: this.#file, ...(cause !== undefined && { code: cause.code }) } },
    );
  }
}

function refused(why: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `tasks: durable ${why}.`);
}

function notRunHere(task: string, app: string): CeleriacError {
  return new CeleriacError(
    "TASK_UNKNOWN",
    `background.durable: "${task}" is no task with a handler of the app "${app}", so nobody would run it in this process. Declare it with app.task of the app that tasks() was given, or send it with delay().`,
    { details: { task, app } },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
