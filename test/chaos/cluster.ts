/** Processes of one kind in a run, workers or others: started, found, killed and replaced by process id. */

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, rmSync } from "node:fs";
import { childrenOf } from "./holding.ts";
import type { Network } from "./network.ts";

interface Member {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly odd: boolean;
  readonly spared: boolean;
  stopped: boolean;
}

export interface ClusterOptions {
  /** Names of its members are this and a number; each has its own line to each server. */
  readonly name: string;
  /** What node is started with. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Added to the environment of one member at any time: its clock is not that of the others. */
  readonly oddEnv?: Readonly<Record<string, string>> | undefined;
  /** The first so many are never chosen for a fault, so that they can be watched for hours. Default 0. */
  readonly spared?: number;
  /** A file for what they print; nothing is kept without. */
  readonly log?: string;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #network: Network;
  readonly #members = new Map<number, Member>();
  /** By name, also of those that have ended. */
  readonly #pids = new Map<string, number>();
  #count = 0;
  #closing = false;

  constructor(options: ClusterOptions, network: Network) {
    this.#options = options;
    this.#network = network;
  }

  /** Starts `count`; resolves when each has said something, which it does once it is ready. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, async () => (await this.#spawn())?.ready));
  }

  /** Those that live, are not stopped, and may be hit. */
  get running(): readonly number[] {
    return [...this.#members.values()].filter(({ stopped, spared }) => !stopped && !spared).map(({ pid }) => pid);
  }

  get living(): readonly number[] {
    return [...this.#members.keys()];
  }

  /** Those that nothing hits. */
  get spared(): readonly number[] {
    return [...this.#members.values()].filter(({ spared }) => spared).map(({ pid }) => pid);
  }

  /** The one that has `oddEnv`, if it lives. */
  get odd(): number | undefined {
    return [...this.#members.values()].find(({ odd }) => odd)?.pid;
  }

  /** Process id of the member with this name; `undefined` if there never was one. */
  pidOf(name: string): number | undefined {
    return this.#pids.get(name);
  }

  /** The pool children of a worker, from the kernel, not from the worker's own word. */
  children(pid: number): readonly number[] {
    return childrenOf(pid);
  }

  /** A worker with all its children, as a machine holds them. */
  machine(pid: number): readonly number[] {
    return [pid, ...this.children(pid)];
  }

  signal(pid: number, signal: NodeJS.Signals): void {
    const member = this.#members.get(pid);
    if (member && signal === "SIGSTOP") member.stopped = true;
    if (member && signal === "SIGCONT") member.stopped = false;
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between being chosen and being hit: the fault hit nothing, which is allowed.
    }
  }

  /** Ends all and waits; what does not end in `ms` is killed. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    const members = [...this.#members.values()];
    for (const { pid } of members) {
      this.signal(pid, "SIGCONT");
      this.signal(pid, "SIGTERM");
    }
    const timer = setTimeout(() => members.forEach(({ pid }) => this.signal(pid, "SIGKILL")), ms);
    await Promise.all(members.map(({ process: child }) => ended(child)));
    clearTimeout(timer);
  }

  async #spawn(): Promise<Member | undefined> {
    const number = ++this.#count;
    const name = `${this.#options.name}${String(number)}`;
    const servers = await this.#network.connect(name);
    if (this.#closing) return undefined;
    const { oddEnv } = this.#options;
    const spared = number <= (this.#options.spared ?? 0);
    const odd = oddEnv !== undefined && this.odd === undefined && !spared;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...this.#options.args], {
      env: { ...this.#options.env, ...servers, ...(odd && oddEnv), CHAOS_NAME: name },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = child.pid ?? 0;
    const ready = new Promise<void>((resolve) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", () => resolve());
    });
    if (this.#options.log !== undefined) child.stdout.pipe(createWriteStream(this.#options.log, { flags: "a" }));
    else child.stdout.resume();
    this.#pids.set(name, pid);
    this.#members.set(pid, { process: child, pid, ready, odd, spared, stopped: false });
    child.once("exit", () => {
      this.#members.delete(pid);
      if (odd) removeTraces(pid);
      void this.#network.leave(name);
      if (!this.#closing) void this.#spawn();
    });
    return this.#members.get(pid);
  }
}

/** What libfaketime leaves of a process that was killed. Its children share it. */
function removeTraces(pid: number): void {
  for (const name of ["faketime_shm_", "sem.faketime_sem_"]) rmSync(`/dev/shm/${name}${String(pid)}`, { force: true });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => void child.once("exit", () => resolve()));
}
