/**
 * What the dashboard is looked at in: a private Redis, workers as processes of their own, a scheduler, a producer that goes on sending and a
 * bench that sends some hundred tasks a second of which some fail, a queue that is paused, one that nobody takes from, tasks that are delayed,
 * dead letters, workflows that run and that failed; and the dashboard itself, as `celeriac dashboard` serves it.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WorkerProcess } from "../server/command-line.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";

const appFile = join(import.meta.dirname, "app.ts");
/** Rounds of the ordinary work, and of the bench, ms. */
const round = 500;
const beat = 250;

export interface WorldOptions {
  /** Where the dashboard is mounted, such as "/ops/celeriac". */
  readonly prefix?: string;
  /** 0: any that is free. */
  readonly port?: number;
  /** Further options of the dashboard. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class World implements AsyncDisposable {
  readonly url: string;
  readonly #server: RedisServer;
  readonly #processes: WorkerProcess[];
  readonly #folder: string;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #over = false;
  #rounds = 0;

  private constructor(url: string, server: RedisServer, processes: WorkerProcess[], folder: string) {
    this.url = url;
    this.#server = server;
    this.#processes = processes;
    this.#folder = folder;
  }

  static async start({ prefix, port = 0, flags = [], env: more = {} }: WorldOptions = {}): Promise<World> {
    const server = await startRedis();
    const folder = await mkdtemp(join(tmpdir(), "celeriac-browser-"));
    process.env["BROWSER_BROKER"] = server.url;
    const env = { BROWSER_BROKER: server.url, ...more };
    const common = ["-A", appFile];
    const where = prefix === undefined ? [] : ["--prefix", prefix];
    const history = join(folder, "history.db");
    const dashboard = new WorkerProcess(
      [...common, "--history", history, "--port", String(port), "--environment", "shop · test", ...where, ...flags],
      env,
      "dashboard",
    );
    const processes = [
      dashboard,
      new WorkerProcess([...common, "-n", "images-1@north", "-Q", "images", "-c", "4", "--processes", "2", "-E"], env),
      new WorkerProcess(
        [
          ...common,
          "-n",
          "mixed-1@south",
          "-Q",
          "mail,billing,reports,feeds,celery,backfill",
          "-c",
          "6",
          "--processes",
          "1",
          "-E",
          "-B",
        ],
        env,
      ),
      new WorkerProcess([...common, "-n", "stock-1@east", "-Q", "stock", "-c", "10", "--pool", "inline", "-E"], env),
    ];
    const { url } = await dashboard.line("dashboard.ready");
    await Promise.all(processes.slice(1).map((worker) => worker.line("worker.ready")));
    return new World(String(url), server, processes, folder);
  }

  /** Another dashboard of the same world. */
  async serve(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    const history = join(this.#folder, `history-${String(this.#processes.length)}.db`);
    const args = ["-A", appFile, "--history", history, "--port", "0", ...flags];
    const dashboard = new WorkerProcess(args, { BROWSER_BROKER: this.#server.url, ...env }, "dashboard");
    this.#processes.push(dashboard);
    return String((await dashboard.line("dashboard.ready"))["url"]);
  }

  /** One more worker, ready. It ends with the world, if not before. */
  async work(...flags: readonly string[]): Promise<WorkerProcess> {
    const worker = new WorkerProcess(["-A", appFile, ...flags], { BROWSER_BROKER: this.#server.url });
    this.#processes.push(worker);
    await worker.line("worker.ready");
    return worker;
  }

  /** A file for a dashboard's options, gone with the world. */
  async file(name: string, content: unknown): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, JSON.stringify(content));
    return path;
  }

  /** What the dashboard warned of. */
  get warnings(): string {
    return this.#processes[0]?.stderr ?? "";
  }

  /** Once: what stands around. Then rounds of ordinary work, until it is disposed. */
  async fill(): Promise<void> {
    const { busy, ordinary, standing } = await import("./work.ts");
    await standing();
    await ordinary(this.#rounds++);
    this.#each(round, () => ordinary(this.#rounds++));
    this.#each(beat, busy);
  }

  /** Goes on whatever becomes of one of them: a broker may be slower than its clients wait. */
  #each(ms: number, send: () => Promise<void>): void {
    const later = (): void => {
      const again = (): void => void send().then(later, later);
      if (!this.#over) this.#timers.set(ms, setTimeout(again, ms));
    };
    later();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    const { app } = await import("./app.ts");
    await app.close();
    await Promise.all(this.#processes.map((one) => one.stop()));
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
