/** The worker processes of a run: started, found, killed and replaced by process id. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Network } from "./network.ts";

interface Member {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ready: Promise<void>;
  stopped: boolean;
}

export class Cluster {
  readonly #env: NodeJS.ProcessEnv;
  readonly #network: Network;
  readonly #members = new Map<number, Member>();
  #count = 0;
  #closing = false;

  constructor(env: NodeJS.ProcessEnv, network: Network) {
    this.#env = env;
    this.#network = network;
  }

  /** Starts `count` workers; resolves when each says that it is ready. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, async () => (await this.#spawn())?.ready));
  }

  /** Workers that live and are not stopped. */
  get running(): readonly number[] {
    return [...this.#members.values()].filter(({ stopped }) => !stopped).map(({ pid }) => pid);
  }

  /** The pool children of a worker, from the kernel, not from the worker's own word. */
  children(pid: number): readonly number[] {
    try {
      const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8");
      return text
        .split(" ")
        .filter((part) => part !== "")
        .map(Number);
    } catch {
      return [];
    }
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
    const path = fileURLToPath(new URL("./worker.ts", import.meta.url));
    const name = `w${String(++this.#count)}`;
    const servers = await this.#network.connect(name);
    if (this.#closing) return undefined;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path], {
      env: { ...this.#env, ...servers, CHAOS_NAME: name },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = child.pid ?? 0;
    const ready = new Promise<void>((resolve) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", () => resolve());
    });
    const member: Member = { process: child, pid, ready, stopped: false };
    this.#members.set(pid, member);
    child.once("exit", () => {
      this.#members.delete(pid);
      void this.#network.leave(name);
      if (!this.#closing) void this.#spawn();
    });
    return member;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => void child.once("exit", () => resolve()));
}
