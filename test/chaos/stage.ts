/** All that runs in a run, and what it runs on: servers, a disk, clocks, lines, workers, schedulers, a dashboard; ended in that order backwards. */

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../server/free-port.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { Cluster } from "./cluster.ts";
import { DashboardVisitor } from "./dashboard-visitor.ts";
import type { Fault } from "./fault-plan.ts";
import { processesWith } from "./holding.ts";
import { Journal } from "./journal.ts";
import type { Machines } from "./machine-faults.ts";
import { Network, type Servers } from "./network.ts";
import { SmallDisk } from "./small-disk.ts";
import { TickCounter } from "./tick-counter.ts";
import { timeEnv } from "./true-time.ts";
import { fakeTime, serverTime } from "./wall-clock.ts";
import { tickQueue } from "./workload.ts";

export type BrokerName = "sqlite" | "redis" | "rabbitmq";

export interface Setup {
  readonly broker: BrokerName;
  /** Ms. */
  readonly lease: number;
  readonly sweep: number;
  /** The journal and databases stay. */
  readonly keep: boolean;
  /** One of each kind of process is never hit, and writes down how many handles it has open. */
  readonly watched?: boolean;
  /** Workers print what they notice. */
  readonly verbose: boolean;
}

const workers = 3;
const schedulers = 2;
/** A scheduler's leadership: shorter than its pauses, and longer than what a busy machine keeps it waiting. */
const term = "2s";
const commandLine = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export class Stage {
  readonly setup: Setup;
  readonly folder: string;
  readonly journalPath: string;
  readonly journal: Journal;
  readonly servers: Servers;
  readonly network: Network;
  readonly redis: RedisServer | undefined;
  readonly rabbit: RabbitServer | undefined;
  readonly machines: Machines;
  /** Kinds of faults that this machine cannot have, and why. */
  readonly impossible: ReadonlyMap<Fault, string>;
  readonly workers: Cluster;
  readonly schedulers: Cluster;
  readonly dashboard: Cluster;
  readonly #env: NodeJS.ProcessEnv;
  #ticks: TickCounter | undefined;
  #visitor: DashboardVisitor | undefined;
  readonly #dashboardPort: number;

  private constructor(setup: Setup, base: Base, dashboardPort: number) {
    const { folder, redis, rabbit } = base;
    this.setup = setup;
    this.folder = folder;
    this.redis = redis;
    this.rabbit = rabbit;
    this.machines = base.machines;
    this.impossible = base.impossible;
    this.journalPath = join(folder, "journal");
    this.journal = new Journal(this.journalPath);
    // What is stopped is noticed by its silence, within two heartbeats.
    const file = `sqlite:${join(this.disk, "chaos.db")}`;
    const url = rabbit ? `${rabbit.url}?heartbeat=1` : (redis?.url ?? file);
    this.servers = { CHAOS_BROKER: url, ...(rabbit && redis && { CHAOS_RESULTS: redis.url }) };
    this.network = new Network(this.servers);
    this.#env = {
      ...process.env,
      ...this.servers,
      ...timeEnv(),
      CHAOS_JOURNAL: this.journalPath,
      TMPDIR: this.temporary,
      CHAOS_LEASE: String(setup.lease),
      CHAOS_SWEEP: String(setup.sweep),
      ...(setup.verbose ? { CHAOS_VERBOSE: "1" } : {}),
      ...(setup.watched === true ? { CHAOS_HANDLES: "1" } : {}),
    };
    const ticksApp = fileURLToPath(new URL("./ticks-app.ts", import.meta.url));
    this.workers = this.#cluster(
      "worker",
      [fileURLToPath(new URL("./worker.ts", import.meta.url))],
      base.machines.workerClock?.env,
    );
    this.schedulers = this.#cluster("scheduler", [commandLine, "beat", "-A", ticksApp, "--ttl", term, "--json"]);
    this.#dashboardPort = dashboardPort;
    const history = ["--history", join(folder, "dashboard.db"), "--port", String(dashboardPort)];
    this.dashboard = this.#cluster("dashboard", [commandLine, "dashboard", "-A", ticksApp, ...history, "--json"]);
  }

  static async open(setup: Setup): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-chaos-"));
    const impossible = new Map<Fault, string>();
    const disk = orWhy(SmallDisk.mount(join(folder, "disk")), impossible, ["full disk", "full disk ends redis"]);
    const clocks = join(folder, "clocks");
    mkdirSync(clocks);
    mkdirSync(join(folder, "temporary"));
    const workerClock = orWhy(fakeTime(clocks), impossible, ["worker clock jumps"]);
    const usesRedis = setup.broker !== "sqlite";
    const redisClock = usesRedis ? orWhy(await serverTime(clocks), impossible, ["redis clock jumps"]) : undefined;
    const redis = usesRedis
      ? await startRedis({
          appendonly: true,
          ...(disk && { parent: disk.path }),
          ...(redisClock && { env: redisClock.env }),
        })
      : undefined;
    const rabbit = setup.broker === "rabbitmq" ? await startRabbit() : undefined;
    const base = { folder, impossible, machines: { disk, workerClock, redisClock }, redis, rabbit };
    return new Stage(setup, base, await freePort());
  }

  /** Where an SQLite file lies. */
  get disk(): string {
    return this.machines.disk?.path ?? this.folder;
  }

  /** Where its processes put what is only for a moment. */
  get temporary(): string {
    return join(this.folder, "temporary");
  }

  /** What the environment of each of its processes has, those of pools too. */
  get mark(): string {
    return `CHAOS_JOURNAL=${this.journalPath}`;
  }

  /** Whether messages and results lie on two servers. */
  get apart(): boolean {
    return this.rabbit !== undefined;
  }

  async start(): Promise<void> {
    Object.assign(process.env, await this.network.connect("producer"));
    await this.workers.start(workers);
    this.#ticks = await TickCounter.open(this.servers, tickQueue);
    await Promise.all([this.schedulers.start(schedulers), this.dashboard.start(1)]);
    this.#visitor = new DashboardVisitor(`http://127.0.0.1:${String(this.#dashboardPort)}`);
  }

  get ticks(): TickCounter {
    if (this.#ticks === undefined) throw new Error("the stage has not started");
    return this.#ticks;
  }

  get visitor(): DashboardVisitor {
    if (this.#visitor === undefined) throw new Error("the stage has not started");
    return this.#visitor;
  }

  /** Of everything that ran here. */
  async versions(): Promise<Readonly<Record<string, string>>> {
    const redis = /redis_version:(\S+)/.exec((await this.redis?.cli("INFO", "server")) ?? "")?.[1];
    const rabbit = (await this.rabbit?.ctl("version"))?.split("\n").at(-1);
    return {
      node: process.versions.node,
      ...(redis === undefined ? { sqlite: process.versions["sqlite"] ?? "" } : { redis }),
      ...(rabbit !== undefined && { rabbitmq: rabbit }),
    };
  }

  /** A worker that stores a result and dies before it sends what follows. */
  async twoPortWorker(): Promise<void> {
    const path = fileURLToPath(new URL("./two-port-worker.ts", import.meta.url));
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path], {
      env: this.#env,
      stdio: "ignore",
    });
    await new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  }

  async close(): Promise<void> {
    await this.#visitor?.close();
    await Promise.all([this.workers.close(2000), this.schedulers.close(2000), this.dashboard.close(2000)]);
    for (const pid of processesWith(this.mark)) end(pid);
    await this.#ticks?.close();
    this.journal.close();
    await Promise.all([this.network.close(), this.redis?.stop(), this.rabbit?.stop()]);
    const { disk } = this.machines;
    if (this.setup.keep && disk) cpSync(disk.path, join(this.folder, "kept"), { recursive: true });
    disk?.close();
    if (!this.setup.keep) rmSync(this.folder, { recursive: true, force: true });
  }

  #cluster(name: string, args: readonly string[], oddEnv?: Readonly<Record<string, string>>): Cluster {
    const spared = this.setup.watched === true ? 1 : 0;
    const log = join(this.folder, `${name}.log`);
    return new Cluster({ name, args, env: this.#env, oddEnv, spared, log }, this.network);
  }
}

/** Told of as a leak: nothing of a run may go on behind it. */
function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

interface Base {
  readonly folder: string;
  readonly impossible: ReadonlyMap<Fault, string>;
  readonly machines: Machines;
  readonly redis: RedisServer | undefined;
  readonly rabbit: RabbitServer | undefined;
}

/** What there is, or a note of what cannot be done without it. */
function orWhy<T extends object>(what: T | string, notes: Map<Fault, string>, faults: readonly Fault[]): T | undefined {
  if (typeof what !== "string") return what;
  for (const fault of faults) notes.set(fault, what);
  return undefined;
}
