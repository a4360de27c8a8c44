/**
 * The stage of one column of the matrix: servers, a Python client and its workers, an app of ours and its worker. Everything is
 * started once and serves all rows; a row that needs more asks for it, and it ends with the row.
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { coreOf } from "../../src/app/app.ts";
import type { SendOptions } from "../../src/app/draft.ts";
import {
  type App,
  type AppOptions,
  type AsyncResult,
  createApp,
  type WorkerHandle,
  type WorkOptions,
} from "../../src/index.ts";
import { WorkerProcess } from "../server/command-line.ts";
import { eventually } from "../server/redis-backend.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import type { Behaviour, Servers } from "./behaviour.ts";
import { PythonClient, type PythonSetup, PythonWorker } from "./python-process.ts";
import type { SharedRabbit } from "./rabbit.ts";
import type { Release } from "./release.ts";
import { declareTasks } from "./tasks.ts";

const appFile = fileURLToPath(new URL("./app.ts", import.meta.url));
/** Generous: only what never happens runs into it. */
export const patience = "100s";

export interface Place {
  readonly servers: Servers;
  readonly release: Release;
  /** For columns that have one; it takes seconds to start, so several stages may use it, one after the other. */
  readonly rabbit?: SharedRabbit | undefined;
}

export class Stage implements AsyncDisposable {
  readonly place: Place;
  readonly redis: RedisServer;
  readonly folder: string;
  /** Another queue that our worker serves. */
  readonly second = "ts-second";
  /** Names of this stage's own, on servers that saw others before. */
  readonly #token = randomUUID().slice(0, 4);
  readonly #lasting = new AsyncDisposableStack();
  #row = new AsyncDisposableStack();
  #python!: PythonClient;
  #app!: App;
  #worker!: WorkerHandle;
  #serving!: PythonWorker;
  #count = 0;

  private constructor(place: Place, redis: RedisServer, folder: string) {
    this.place = place;
    this.redis = redis;
    this.folder = folder;
    this.#lasting.defer(() => rm(folder, { recursive: true, force: true }));
    this.#lasting.use(redis);
  }

  static async open(place: Place): Promise<Stage> {
    const stage = new Stage(place, await startRedis(), await mkdtemp(join(tmpdir(), "celeriac-interop-")));
    try {
      await stage.#start();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    this.#app = this.#lasting.use(this.newApp());
    [this.#python, this.#serving, this.#worker] = await Promise.all([
      PythonClient.start(this.setup()),
      // One process: with two, Celery may store the RETRY of a task after the SUCCESS of its next run.
      PythonWorker.start(this.setup(), "py", "-P", "prefork", "-c", "1"),
      this.work(this.#app, ["ts", this.second]),
    ]);
    this.#lasting.use(this.#worker);
    this.#lasting.use(this.#serving);
    this.#lasting.use(this.#python);
  }

  /** One cell: runs the row and ends what it started. */
  async try(behaviour: Behaviour): Promise<void> {
    try {
      await behaviour.run(this);
    } catch (error) {
      throw new Error(
        `${behaviour.direction}: ${behaviour.name}: ${(error as Error).message}\n${this.#serving.output.slice(-2000)}`,
        {
          cause: error,
        },
      );
    } finally {
      const row = this.#row;
      this.#row = new AsyncDisposableStack();
      await row.disposeAsync();
    }
  }

  /** The version that the Python processes of this column said they are. */
  get celery(): string {
    assert.equal(this.#serving.celery, this.#python.celery);
    return this.#python.celery;
  }

  /** Python's client; its `send` goes to the queue `ts`, which our worker serves. */
  get python(): PythonClient {
    return this.#python;
  }

  /** The node name of Python's worker. */
  get pythonNode(): string {
    return this.#serving.node;
  }

  /** Our client; Python's worker serves the queue `py`. It also knows the tasks that our worker runs. */
  get app(): App {
    return this.#app;
  }

  get worker(): WorkerHandle {
    return this.#worker;
  }

  /** Where messages are. */
  get broker(): string {
    return this.place.rabbit?.server.url ?? this.redis.url;
  }

  /** Where results are. */
  get results(): string {
    return this.place.servers === "rpc" ? "rpc://" : this.redis.url;
  }

  setup(settings: PythonSetup["settings"] = {}): PythonSetup {
    // Without confirms a message to an exchange that is not there is lost in silence.
    const confirm = this.place.rabbit && { broker_transport_options: { confirm_publish: true } };
    const { broker, results } = this;
    return { release: this.place.release, broker, results, settings: { ...confirm, ...settings } };
  }

  newApp(options: AppOptions = {}): App {
    const { broker, results } = this;
    return createApp({ name: "interop", broker, ...(broker !== results && { results }), resultTtl: "10m", ...options });
  }

  /** A worker in this process. It buries what it does not know after a second. */
  work(app: App, queues: readonly string[], options: WorkOptions = {}): Promise<WorkerHandle> {
    declareTasks(app);
    const timing = { lease: "60s", sweep: "300ms", unknownTaskGrace: "1s" } as const;
    return app.work({ pool: "inline", concurrency: 8, queues, ...timing, ...options });
  }

  /** For this row only. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.#row.use(resource);
  }

  /** A Python worker for this row only. */
  async pythonWorker(
    queue: string,
    settings?: PythonSetup["settings"],
    ...args: readonly string[]
  ): Promise<PythonWorker> {
    return this.use(await PythonWorker.start(this.setup(settings), queue, ...args));
  }

  /**
   * A worker process of ours for this row only; it can be killed. Its lease outlasts what a busy machine stands still, unless `flags` has
   * another: that of one that is to be killed is of its claims, and found by whoever looks for them.
   */
  async process(queue: string, ...flags: readonly string[]): Promise<WorkerProcess> {
    const args = [
      "-A",
      appFile,
      "-Q",
      queue,
      "--pool",
      "inline",
      "-c",
      "2",
      "--sweep",
      "200ms",
      ...(flags.includes("--lease") ? [] : ["--lease", "60s"]),
      ...flags,
    ];
    const worker = this.use(
      new WorkerProcess(args, {
        INTEROP_TS_BROKER: this.broker,
        INTEROP_TS_RESULTS: this.results,
        CELERIAC_BROKER: "",
      }),
    );
    await worker.line("worker.ready");
    return worker;
  }

  /** Lets Python's worker serve one more queue. */
  async pythonServes(queue: string): Promise<void> {
    const told = await this.python.run(
      "app.control.add_consumer(given[0], destination=[given[1]], reply=True, timeout=60)",
      [queue, this.pythonNode],
    );
    assert.match(JSON.stringify(told), /"ok"/);
    this.#row.defer(() =>
      this.python
        .run("app.control.cancel_consumer(given[0], destination=[given[1]], reply=True, timeout=60)", [
          queue,
          this.pythonNode,
        ])
        .then(() => {}),
    );
  }

  /** A name that nothing else uses. */
  fresh(name: string): string {
    return `${name}-${this.#token}-${String(++this.#count)}`;
  }

  /** A file that nobody has made yet. */
  file(): string {
    return join(this.folder, this.fresh("file"));
  }

  /** What tasks wait for. */
  open(gate: string): void {
    writeFileSync(gate, "");
  }

  /** What tasks wrote down, a line each. */
  lines(path: string): readonly string[] {
    return existsSync(path)
      ? readFileSync(path, "utf8")
          .split("\n")
          .filter((line) => line !== "")
      : [];
  }

  async until(what: string, ready: () => Promise<boolean> | boolean): Promise<void> {
    await eventually(what, ready, 100_000);
  }

  /** Calls a task of Python's worker, with positions and keywords as they go on the wire. */
  async call<R = unknown>(
    task: string,
    args: readonly unknown[] = [],
    options: SendOptions = {},
    kwargs: Readonly<Record<string, unknown>> = {},
  ): Promise<AsyncResult<R>> {
    const [sent] = await coreOf(this.app).send([{ task, args, kwargs, options: { queue: "py", ...options } }]);
    return this.app.result<R>(sent?.id ?? "");
  }

  /** The same to its end. */
  async answer<R = unknown>(...call: Parameters<Stage["call"]>): Promise<R> {
    return (await this.call<R>(...call)).get({ timeout: patience });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#row.disposeAsync();
    await this.#lasting.disposeAsync();
  }
}
