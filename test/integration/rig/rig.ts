/** A stage for worker processes on one broker: gates that tasks wait at, the journal they write, and a client that looks on. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { coreOf } from "../../../src/app/app.ts";
import { type App, type AsyncResult, createApp, type DeadLetter } from "../../../src/index.ts";
import { WorkerProcess } from "../../server/command-line.ts";
import { dropQueues } from "../../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../../server/redis-server.ts";
import { describeWith } from "../../server/required-program.ts";

/** What tasks write down. */
export interface Entry {
  readonly k: "start" | "end" | "abort" | "page";
  readonly id: string;
  readonly fence: number;
  readonly attempt: number;
  readonly pid: number;
  readonly code?: string | undefined;
  readonly page?: number;
}

/** Generous: only a thing that never happens may run into it. */
export const patience = 60_000;
const appFile = fileURLToPath(new URL("./app.ts", import.meta.url));

export class Rig implements AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  /** Sends and looks, runs nothing. */
  readonly client: App;
  readonly #workers: WorkerProcess[] = [];

  readonly #results: string | undefined;
  readonly #mortalUrl: string;

  /** `mortalUrl`: by which workers reach the broker that are to be stopped, if not as all others. */
  constructor(url: string, folder: string, results?: string, mortalUrl: string = url) {
    this.url = url;
    this.#mortalUrl = mortalUrl;
    this.folder = folder;
    this.#results = results;
    this.client = createApp({ name: "looker-on", broker: url, ...(results !== undefined && { results }) });
  }

  /** Where a process of the rig finds its servers, as environment variables. */
  get places(): Readonly<Record<"RIG_BROKER" | "RIG_RESULTS" | "CELERIAC_BROKER", string>> {
    return { RIG_BROKER: this.url, RIG_RESULTS: this.#results ?? "", CELERIAC_BROKER: "" };
  }

  /** A worker process, ready. A busy machine may stand still for seconds; what it holds stays its own all the same. */
  async worker(...flags: string[]): Promise<WorkerProcess> {
    return this.#ready(this.start("--lease", "60s", "--sweep", "200ms", ...flags));
  }

  /**
   * The same for one that is to be killed or stopped: its lease is short, so that nothing waits long for its end. The lease is that of its
   * claims, so whoever takes them over finds it with a long one too.
   */
  async mortal(...flags: string[]): Promise<WorkerProcess> {
    const places = { ...this.places, RIG_BROKER: this.#mortalUrl };
    return this.#ready(this.#start(["--lease", "5s", "--sweep", "200ms", ...flags], places));
  }

  start(...flags: string[]): WorkerProcess {
    return this.#start(flags, this.places);
  }

  #start(flags: readonly string[], places: Rig["places"]): WorkerProcess {
    const worker = new WorkerProcess(["-A", appFile, "--processes", "1", "-c", "2", ...flags], places);
    this.#workers.push(worker);
    return worker;
  }

  async #ready(worker: WorkerProcess): Promise<WorkerProcess> {
    await worker.line("worker.ready");
    return worker;
  }

  /** How often a worker lost a lease while it lived: each is a run that was rightly begun again. */
  get losses(): number {
    return this.#workers.flatMap(({ lines }) => lines).filter(({ event }) => event === "task.lost").length;
  }

  /** Sends a task that is told where the stage is. */
  async send<R = unknown>(task: string, input: Record<string, unknown> = {}): Promise<AsyncResult<R>> {
    const kwargs = { folder: this.folder, ...input };
    const [sent] = await coreOf(this.client).send([{ task, args: [], kwargs, options: {} }]);
    return this.client.result<R>(sent?.id ?? "");
  }

  /** Lets one run of `hold` end, or all. */
  open(gate: Pick<Entry, "id" | "fence"> | "all"): void {
    const name = gate === "all" ? gate : `${gate.id}-${String(gate.fence)}`;
    writeFileSync(join(this.folder, `gate-${name}`), "");
  }

  get journal(): readonly Entry[] {
    const path = join(this.folder, "journal");
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Entry);
  }

  /** The `n`-th entry that fits, as soon as it is there. */
  async entry(fits: Partial<Entry>, n = 1): Promise<Entry> {
    const find = (): Entry | undefined => this.entries(fits)[n - 1];
    await expect.poll(find, { timeout: patience, interval: 10 }).toBeDefined();
    return find() as Entry;
  }

  entries(fits: Partial<Entry>): readonly Entry[] {
    const wanted = Object.entries(fits);
    return this.journal.filter((entry) => wanted.every(([key, value]) => entry[key as keyof Entry] === value));
  }

  /** Once there are at least so many: a result that lies elsewhere is there before the letter. */
  async letters(least = 0): Promise<readonly DeadLetter[]> {
    const list = async (): Promise<readonly DeadLetter[]> => (await this.client.dead.list({}, undefined, 50)).items;
    await expect.poll(async () => (await list()).length, { timeout: patience }).toBeGreaterThanOrEqual(least);
    return list();
  }

  /** Ready, leased and delayed messages of all queues. */
  async left(): Promise<readonly [ready: number, leased: number, delayed: number]> {
    const queues = await this.client.queues.list();
    const ready = queues.flatMap((queue) => queue.ready.map(({ count }) => count));
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
    return [sum(ready), sum(queues.map((queue) => queue.leased ?? 0)), sum(queues.map((queue) => queue.delayed ?? 0))];
  }

  /** Nothing is lost and nothing is stuck: the queues are empty, soon. */
  async drained(): Promise<void> {
    await expect.poll(() => this.left(), { timeout: patience }).toEqual([0, 0, 0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#workers) child.kill("SIGKILL");
    await Promise.all(this.#workers.map(({ exited }) => exited));
    await this.client.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The same suite on SQLite, on a private Redis, and on a private RabbitMQ with its results on Redis; a fresh stage for each call of `open`. */
export function describeOnServers(
  name: string,
  suite: (open: () => Promise<Rig>) => void,
  { rabbit: onRabbit = true }: { readonly rabbit?: boolean } = {},
): void {
  const folder = (): Promise<string> => mkdtemp(join(tmpdir(), "celeriac-rig-"));
  describe(`${name} on SQLite`, () => {
    suite(async () => {
      const place = await folder();
      return new Rig(`sqlite:${join(place, "queue.db")}`, place);
    });
  });
  describeWith("redis-server", `${name} on Redis`, () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedis();
    });
    afterAll(() => server.stop());
    suite(async () => {
      await server.cli("FLUSHALL");
      return new Rig(server.url, await folder());
    });
  });
  if (!onRabbit) return;
  describeWith("rabbitmq-server", `${name} on RabbitMQ`, () => {
    let rabbit: RabbitServer;
    let redis: RedisServer;
    beforeAll(async () => {
      [rabbit, redis] = await Promise.all([startRabbit(), startRedis()]);
    });
    afterAll(() => Promise.all([rabbit.stop(), redis.stop()]));
    suite(async () => {
      await Promise.all([redis.cli("FLUSHALL"), dropQueues(rabbit)]);
      // What is stopped is noticed by its silence, within two heartbeats.
      return new Rig(rabbit.url, await folder(), redis.url, `${rabbit.url}?heartbeat=1`);
    });
  });
}

/** Is there a process of this number? A zombie is none. */
export function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${String(pid)}/status`, "latin1"));
  } catch {
    return false;
  }
}
