/** The worker processes of a run: started, found, killed and replaced by process id. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

interface Member {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ready: Promise<void>;
  stopped: boolean;
}

export class Cluster {
  readonly #env: NodeJS.ProcessEnv;
  readonly #members = new Map<number, Member>();
  #count = 0;
  #closing = false;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Starts `count` workers; resolves when each says that it is ready. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#spawn().ready));
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

  #spawn(): Member {
    const path = fileURLToPath(new URL("./worker.ts", import.meta.url));
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path], {
      env: { ...this.#env, CHAOS_NAME: `w${String(++this.#count)}` },
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
      if (!this.#closing) this.#spawn();
    });
    return member;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => void child.once("exit", () => resolve()));
}
