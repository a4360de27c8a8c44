/** The real command line from its source, as a process: run to its end, or kept as a worker whose lines can be waited for. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export type Environment = Readonly<Record<string, string>>;

function start(args: readonly string[], env: Environment): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    // Tests may be run by root, whose warning would stand before what they look for.
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", CELERIAC_ALLOW_ROOT: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs one command to its end; nobody can type into it. */
export async function celeriac(args: readonly string[], env: Environment = {}): Promise<Finished> {
  const child = start(args, env);
  const chunks = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (chunks.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (chunks.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, ...chunks };
}

export type Line = Readonly<Record<string, unknown>> & { readonly event: string };

/** `celeriac worker --json`, or another command that runs until it is told to stop, ended with the test. */
export class WorkerProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly exited: Promise<number>;
  #stderr = "";
  readonly #waiting = new Set<() => void>();

  constructor(
    args: readonly string[],
    env: Environment,
    command: "worker" | "beat" | "dashboard" | "events" | "outbox" = "worker",
  ) {
    this.child = start([command, "--json", ...args], env);
    if (this.child.stdout === null) throw new Error("no stdout");
    createInterface({ input: this.child.stdout }).on("line", (text) => {
      this.lines.push(JSON.parse(text) as Line);
      for (const look of this.#waiting) look();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.exited = once(this.child, "close").then(([code]) => {
      for (const look of this.#waiting) look();
      return (code as number | null) ?? -1;
    });
  }

  /** All that it wrote there. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first line of this event, past or to come, that `fits`. Rejects if the worker ends before. */
  line(event: string, fits: (line: Line) => boolean = () => true): Promise<Line> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.lines.find((line) => line.event === event && fits(line));
        if (found === undefined && this.child.exitCode === null && this.child.signalCode === null) return;
        this.#waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the worker ended without ${event}: ${this.#stderr}\n${JSON.stringify(this.lines)}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    this.child.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}
