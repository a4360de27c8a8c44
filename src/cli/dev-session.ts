/**
 * A worker for people who write it: started anew when a file changes, as often as it takes. Each start is a process of its own, so a module
 * that cannot be loaded ends that process and not this one, which waits for the next change.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { durationMs, type Duration } from "../task/duration.ts";
import { exitCode, UsageError } from "./failure.ts";
import { FileWatch } from "./file-watch.ts";
import { StopSignal } from "./stop-signal.ts";
import { paint, printLine } from "./terminal.ts";

export interface DevFlags {
  readonly app: string;
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly watch?: readonly string[];
  readonly grace?: string;
  readonly port?: number;
  readonly beat: boolean;
  readonly dashboard: boolean;
}

/** From its source or its build, whichever this is. */
const entry = fileURLToPath(new URL(`./dev-child${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));

export async function runDev(flags: DevFlags): Promise<number> {
  const { app, queues, concurrency, grace = "5s", port, beat, dashboard } = flags;
  durationMs(grace as Duration, "--grace");
  const folders = foldersOf(flags);
  using stop = new StopSignal();
  const worker = new Restarted("worker", [
    ...(beat ? ["-B"] : []),
    "-A",
    app,
    "--grace",
    grace,
    ...(queues === undefined ? [] : ["-Q", queues.join(",")]),
    ...(concurrency === undefined ? [] : ["-c", String(concurrency)]),
  ]);
  const page = dashboard
    ? new Restarted("dashboard", ["-A", app, ...(port === undefined ? [] : ["--port", String(port)])])
    : undefined;
  using _watch = new FileWatch(folders, systemClock, (file) => {
    say(`${file} changed`);
    worker.restart();
    if (page?.isRunning === false) page.restart();
  });
  say(`watching ${folders.join(", ")}`);
  worker.restart();
  page?.restart();
  if (!stop.signal.aborted) await once(stop.signal, "abort");
  await Promise.all([worker.end(), page?.end()]);
  return exitCode.done;
}

/** Throws APP_NOT_FOUND now, for no change would make it right. */
function foldersOf({ app, watch }: DevFlags): readonly string[] {
  const file = resolve(app.split("#", 1)[0] ?? app);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    const text = `there is no file ${file}; -A takes the path of the module that exports the app, such as ./app.ts`;
    throw new CeleriacError("APP_NOT_FOUND", text, { details: { path: file } });
  }
  const folders = (watch ?? [dirname(file)]).map((folder) => resolve(folder));
  const missing = folders.find((folder) => !statSync(folder, { throwIfNoEntry: false })?.isDirectory());
  if (missing !== undefined) throw new UsageError(`--watch: there is no folder ${missing}.`);
  return folders;
}

/** A command as a process, one at a time. */
class Restarted {
  readonly #name: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  /** Starts and ends come one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #again = false;
  #ended = false;

  constructor(name: string, args: readonly string[]) {
    this.#name = name;
    this.#args = args;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Ends the one that runs, which finishes or gives back what it has, and starts another. Several changes meanwhile are one. */
  restart(): void {
    if (this.#again) return;
    this.#again = true;
    this.#turn = this.#turn.then(async () => {
      await this.#stop();
      this.#again = false;
      if (!this.#ended) this.#start();
    });
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#turn;
    await this.#stop();
  }

  #start(): void {
    const child = spawn(process.execPath, [...process.execArgv, entry, this.#name, ...this.#args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      detached: true,
    });
    this.#child = child;
    child.on("error", (error) => say(`${this.#name} cannot be started: ${error.message}`));
    child.once("close", (code) => {
      if (this.#child === child) this.#child = undefined;
      if (!this.#ended && !this.#again) say(`${this.#name} ended with ${String(code)}; waiting for a change`);
    });
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
  }
}

const say = (text: string): void => printLine(paint("cyan", `dev  ${text}`));
