/** What a test app stands on: a server in memory, a clock, and one worker at a time, which may die and is replaced. */

import type { App } from "../app/app.ts";
import type { AppConfig } from "../app/config.ts";
import type { AppCore } from "../app/core.ts";
import { over } from "../app/over.ts";
import { signedBackend } from "../app/signed-backend.ts";
import type { WorkerEvent } from "../app/work.ts";
import { startScheduler } from "../beat/start.ts";
import type { BeatHandle } from "../app/beat.ts";
import { MemoryBackend } from "../driver/memory/backend.ts";
import { MemoryServer } from "../driver/memory/server.ts";
import type { CeleriacError } from "../error/celeriac-error.ts";
import type { BackendOptions } from "../port/backend.ts";
import type { Delivery } from "../port/broker.ts";
import { freeze } from "../task/registry.ts";
import { startWorker } from "../worker/start.ts";
import { AppClock } from "./app-clock.ts";
import type { CrashPlan, Moment } from "./crash-point.ts";
import { FakedRegistry } from "./faked-registry.ts";
import { type Gate, MortalBackend, type Watching } from "./mortal-backend.ts";
import { ProcessClock } from "./process-clock.ts";
import { SentCalls } from "./sent-calls.ts";
import { Stillness } from "./stillness.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface BenchOptions {
  readonly now: number | undefined;
  /** Real milliseconds. */
  readonly patience: number;
  readonly concurrency: number;
  readonly lease: number;
  readonly autorun: boolean;
}

/** After a death all is looked after at its time for so long, ms: what it left half done is found by sweeps, and nothing is leased then. */
const aftermath = 300_000;
/** A term of which a scheduler is reminded less often than a test has days, ms. */
const beatTtl = 3_600_000;
const beatLook = 600_000;
const never: AbortSignal = new AbortController().signal;
const nothing: Disposable = { [Symbol.dispose]: () => {} };

export class Bench implements Watching {
  readonly clock: VirtualClock;
  readonly appClock: AppClock;
  readonly server: MemoryServer;
  readonly calls: SentCalls = new SentCalls();
  readonly registry: FakedRegistry;
  readonly stillness: Stillness;
  readonly crashes: CrashPlan[] = [];
  /** Ends of runs, since somebody last took them. */
  readonly events: WorkerEvent[] = [];
  readonly missing: CeleriacError[] = [];
  readonly #app: App;
  readonly #core: AppCore;
  readonly #options: BenchOptions;
  readonly #gate: Gate;
  readonly #held = new Set<Delivery>();
  #worker: { readonly backend: MortalBackend; readonly time: ProcessClock } | undefined;
  #starting: Promise<void> | undefined;
  #served = new Set<string>();
  #count = 0;
  #wakeUntil = 0;
  #closed = false;

  constructor(app: App, core: AppCore, options: BenchOptions) {
    this.#app = app;
    this.#core = core;
    this.#options = options;
    this.#gate = { open: options.autorun };
    this.clock = new VirtualClock(
      options.now,
      () => this.stillness.step(),
      () => this.#worker?.time.round(),
    );
    this.appClock = new AppClock(this.clock);
    this.server = new MemoryServer(this.clock, {
      steady: true,
      accepted: (message) => {
        this.calls.add(message);
        this.moved();
        if (!this.#served.has(message.queue)) this.#serve(message.queue);
      },
    });
    this.registry = new FakedRegistry(
      core.registry,
      core.config.defaultQueue,
      (error) => void this.missing.push(error),
    );
    this.stillness = new Stillness(
      { ready: () => this.#ready(), running: () => this.#running(), starting: () => this.#starting },
      options.patience,
    );
  }

  /** The app's own way to the server. */
  appBackend(options: Omit<BackendOptions, "url">): MemoryBackend {
    return new MemoryBackend(this.server, { ...options, url: this.#core.config.broker });
  }

  /** Runs what can run until `work` has ended. */
  async open<T>(work: () => Promise<T>): Promise<T> {
    await this.started();
    this.#turn(true);
    try {
      return await work();
    } finally {
      this.#turn(this.#options.autorun);
    }
  }

  /** There is a worker from now on. Rejects with APP_LOAD_FAILED or NO_TASKS. */
  async started(): Promise<void> {
    if (this.#worker === undefined) this.#start();
    await this.#starting;
  }

  /** A scheduler, where the app has schedules; it goes on until it is stopped. */
  async beat(): Promise<BeatHandle | undefined> {
    await this.#core.load();
    if (this.#core.schedules.list().length === 0 && (await this.#app.schedules.list()).length === 0) return undefined;
    return startScheduler(this.#app, { ttl: beatTtl }, beatLook);
  }

  /** Does anybody hold a message? */
  get isHolding(): boolean {
    return [...this.server.messages.queues].some(({ leased }) => leased.size > 0);
  }

  /** Does anything run, or hang, that does not wait for the clock? */
  get isRunning(): boolean {
    return this.#running() > 0;
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  moved(): void {
    this.stillness.moved();
  }

  taken(batch: readonly Delivery[]): void {
    for (const delivery of batch) this.#held.add(delivery);
    this.moved();
    this.#worker?.time.wake();
  }

  settled(batch: readonly Delivery[]): void {
    for (const delivery of batch) this.#held.delete(delivery);
    this.moved();
  }

  dies(moment: Moment): boolean {
    if (!this.crashes.some((plan) => plan.strikes(moment))) return false;
    this.#end();
    this.#wakeUntil = this.clock.monotonic() + aftermath;
    this.#start();
    return true;
  }

  #end(): void {
    this.#worker?.backend.kill();
    this.#worker?.time.kill();
    this.#worker = undefined;
    this.#held.clear();
    this.moved();
  }

  #start(): void {
    const starting = this.#spawn().finally(() => {
      if (this.#starting === starting) this.#starting = undefined;
    });
    this.#starting = starting;
    starting.catch(() => {}); // whoever drives the test waits for it
  }

  async #spawn(): Promise<void> {
    const { concurrency, lease } = this.#options;
    const registry = await this.#core.load().then(() => this.registry);
    if (this.#closed) return;
    const time = new ProcessClock(this.clock, () => this.isHolding || this.clock.monotonic() < this.#wakeUntil);
    const config: AppConfig = { ...this.#core.config, clock: time };
    const inner = new MemoryBackend(this.server, { ...optionsOf(config), url: config.broker });
    const backend = new MortalBackend(inner, this.#gate, this);
    await inner.open(never);
    const { signing, telemetry } = config;
    const connected = signing === undefined ? backend.backend : signedBackend(backend.backend, signing, time);
    const core = over<AppCore>(this.#core, {
      clock: time,
      config,
      registry,
      load: () => Promise.resolve(registry),
      connect: () => Promise.resolve(connected),
      onClose: () => nothing, // it has nothing to give back, and is ended from here
    });
    const app = over<App>(this.#app, { [freeze]: () => Promise.resolve({ registry, tasks: [], telemetry }) });
    for (const { queue } of registry.all()) this.#served.add(queue);
    for (const { name } of this.server.messages.queues) this.#served.add(name);
    this.#served.add(config.defaultQueue);
    this.#worker = { backend, time };
    this.#count += 1;
    const onEvent = (event: WorkerEvent): void => void (backend.isDead || this.events.push(event));
    const name = `test${String(this.#count)}@memory`;
    await startWorker(
      app,
      { pool: "inline", concurrency, lease, queues: [...this.#served], name, events: false, onEvent },
      core,
    );
  }

  #serve(queue: string): void {
    this.#served.add(queue);
    void this.#worker?.backend.serve([...this.#served]);
  }

  #turn(open: boolean): void {
    this.#gate.open = open;
    this.#worker?.backend.turn();
  }

  #ready(): number {
    if (!this.#gate.open) return 0;
    let ready = 0;
    for (const queue of this.server.messages.queues) if (!queue.paused) ready += queue.depth;
    return ready;
  }

  #running(): number {
    let running = 0;
    for (const { message } of this.#held) {
      const id = "malformed" in message ? undefined : message.headers["id"];
      if (typeof id !== "string" || !this.appClock.isWaiting(id)) running += 1;
    }
    return running;
  }
}

function optionsOf(config: AppConfig): Omit<BackendOptions, "url"> {
  const { clock, maxMessageBytes, maxDepth, publishTimeout, allowEviction, keyPrefix } = config;
  return { clock, maxMessageBytes, maxDepth, commandTimeout: publishTimeout, allowEviction, keyPrefix };
}
