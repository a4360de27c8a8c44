/** A worker as its user starts it: the `celeriac` command, its JSON lines read. Every process started here is ended here. */

import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface WorkerLine {
  readonly event: string;
  readonly id?: string;
  readonly pid?: number;
  readonly text?: string;
  readonly code?: string;
}

export interface WorkerProcessOptions {
  /** The module of the app. */
  readonly app: URL;
  readonly name: string;
  readonly broker: string;
  readonly lease: string;
  /** What else its command line says, such as `["-c", "1"]`. */
  readonly args?: readonly string[];
  readonly onLine?: (worker: WorkerProcess, line: WorkerLine) => void;
}

const manifest = import.meta.resolve("celeriac/package.json");
const { bin } = JSON.parse(readFileSync(fileURLToPath(manifest), "utf8")) as { bin: { celeriac: string } };
const command = fileURLToPath(new URL(bin.celeriac, manifest));

/** Longest wait for a worker to take tasks, ms. */
const patience = 90_000;

export class WorkerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #ready: Promise<void>;
  readonly #children = new Set<number>();
  #errors = "";

  constructor(options: WorkerProcessOptions) {
    this.name = options.name;
    const args = [
      "worker",
      "-A",
      fileURLToPath(options.app),
      "-n",
      options.name,
      "--lease",
      options.lease,
      "--sweep",
      "1s",
      "--json",
      ...(options.args ?? []),
    ];
    this.#child = spawn(process.execPath, [command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      // An example runs its own tasks only, whoever tries it out.
      env: { ...process.env, CELERIAC_BROKER: options.broker, CELERIAC_ALLOW_ROOT: "1" },
    });
    this.#child.on("error", (error) => (this.#errors += `${error.message}\n`));
    this.#closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (this.#errors = (this.#errors + text).slice(-8192)));
    this.#ready = this.#read(options.onLine);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The processes in which it runs tasks, as far as it has told. */
  get poolChildren(): readonly number[] {
    return [...this.#children];
  }

  /**
   * Resolves when it takes tasks; rejects with what it wrote to standard error if it ends before, after 20 seconds, and with the signal's reason.
   */
  async ready(signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = (): void =>
      reject(signal.aborted ? signal.reason : new Error(`${this.name} was not ready within ${patience / 1000} s`));
    if (over.aborted) stop();
    over.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([this.#ready, promise]);
    } finally {
      over.removeEventListener("abort", stop);
    }
  }

  /** SIGKILL, to this one process: no handler runs, nothing is given back. Resolves when the system says it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  /** Asks it to end; kills it after `patience` ms. */
  async stop(patience: number): Promise<void> {
    if (!this.alive) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), patience);
    await this.#closed;
    clearTimeout(timer);
  }

  #read(onLine: WorkerProcessOptions["onLine"]): Promise<void> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("a worker's standard output is a pipe");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {}); // whoever asks `ready` hears it
    createInterface({ input: stdout }).on("line", (text) => {
      const line = parseLine(text);
      if (line === undefined) return;
      if (line.event === "worker.ready") resolve();
      if (line.event === "child.started" && line.pid !== undefined) this.#children.add(line.pid);
      if (line.event === "child.exited" && line.pid !== undefined) this.#children.delete(line.pid);
      onLine?.(this, line);
    });
    void this.#closed.then(() => reject(new Error(`${this.name} ended before it was ready:\n${this.#errors.trim()}`)));
    return promise;
  }
}

function parseLine(text: string): WorkerLine | undefined {
  try {
    const line = JSON.parse(text) as unknown;
    if (typeof line !== "object" || line === null || !("event" in line) || typeof line.event !== "string")
      return undefined;
    return line as WorkerLine;
  } catch {
    return undefined;
  }
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until none of `pids` exists, at most `patience` ms; resolves with those that still do. */
export async function waitUntilGone(pids: readonly number[], patience: number): Promise<readonly number[]> {
  const until = performance.now() + patience;
  let left = pids.filter(isAlive);
  while (left.length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    left = left.filter(isAlive);
  }
  return left;
}
