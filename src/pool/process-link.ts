/**
 * A child process: control as JSON over Node's own channel, calls and replies as frames over descriptor 4, and descriptor 5, on
 * which nothing is ever said: its end of file tells the child that its worker is gone.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock/clock.ts";
import { childFlags } from "./child-environment.ts";
import { ChildOutput } from "./child-output.ts";
import { FrameDraft, FrameReader } from "./frame.ts";
import { type ControlFromChild, type ControlToChild, type Link, type LinkEvents, siblingModule } from "./link.ts";
import { readReplyFrame } from "./reply-frame.ts";

export interface ProcessLinkOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly memoryLimit: number | undefined;
  readonly clock: Clock;
  /** Start it through `setpriv --pdeathsig KILL`, so that the kernel ends it with its worker. */
  readonly deathSignal: boolean;
}

/** Bodies from here on are written as they are; below, one copy costs less than one more piece. */
const apart = 32_768;
/** What a dead child said may still be in its pipes; a grandchild that holds them open must not keep us waiting longer. */
const lastWords = 250;
/** Linux reports memory in pages. Where they are not 4 KiB the figure would be too low, so it is only used on 4 KiB machines. */
const pageBytes = 4096;
const fixedPages = process.platform === "linux" && (process.arch === "x64" || process.arch === "ia32");

/** Whether this machine's setpriv knows `--pdeathsig`; busybox's does not. */
export function hasDeathSignal(): Promise<boolean> {
  if (process.platform !== "linux") return Promise.resolve(false);
  return new Promise((resolve) => {
    execFile("setpriv", ["--pdeathsig", "KILL", "true"], { timeout: 2000 }, (error) => resolve(error === null));
  });
}

export class ProcessLink implements Link {
  readonly draft: FrameDraft = new FrameDraft();
  readonly id: number;
  readonly #child: ChildProcess | undefined;
  readonly #pipe: Socket | undefined;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #stdout: ChildOutput;
  readonly #stderr: ChildOutput;
  #scheduled = false;
  #ended = false;

  constructor(options: ProcessLinkOptions, events: LinkEvents) {
    this.#events = events;
    this.#clock = options.clock;
    this.#stdout = new ChildOutput((text, slot) => events.line("stdout", text, slot));
    this.#stderr = new ChildOutput((text, slot) => events.line("stderr", text, slot));
    const child = start(options);
    if (child instanceof Error) {
      this.id = 0;
      // Not before the maker has its link.
      setImmediate(() => this.#end(null, null, child));
      return;
    }
    this.#child = child;
    this.id = child.pid ?? 0;
    this.#pipe = (child.stdio as ChildProcess["stdio"] | undefined)?.[4] as Socket | undefined;
    this.#listen(child);
  }

  get pid(): number {
    return this.id;
  }

  wake(): void {
    if (this.draft.full) this.#flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  control(message: ControlToChild): void {
    // The callback takes the error of a channel that has just closed; the child's end is told by its own event.
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  kill(): void {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  }

  async memory(): Promise<number | undefined> {
    if (!fixedPages || this.id === 0) return undefined;
    try {
      const [, resident] = (await readFile(`/proc/${this.id}/statm`, "latin1")).split(" ");
      return Number(resident) * pageBytes;
    } catch {
      return undefined;
    }
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.draft.empty || !this.#pipe?.writable) return;
    const pieces = this.draft.take(apart);
    this.#pipe.cork();
    for (const piece of pieces) this.#pipe.write(piece);
    this.#pipe.uncork();
  }

  #listen(child: ChildProcess): void {
    const reader = new FrameReader((frame) => {
      for (const message of readReplyFrame(frame)) this.#events.framed(message);
    });
    child.on("message", (message) => this.#events.control(message as ControlFromChild));
    child.on("error", (error) => {
      if (this.id === 0) this.#end(null, null, error);
    });
    child.stdout?.on("data", (chunk: Buffer) => this.#stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    this.#pipe?.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        // Task code wrote to our descriptor, or the child is of another version: nothing it says can be trusted.
        this.#stderr.push(Buffer.from(`celeriac: unreadable frame: ${String(error)}\n`));
        this.kill();
      }
    });
    for (const stream of streamsOf(child)) {
      stream.on("error", () => {});
      if ("resume" in stream) stream.resume();
    }
    child.on("exit", (code, signal) => {
      this.#clock.after(lastWords, () => this.#end(code, signal));
    });
    child.on("close", (code, signal) => this.#end(code, signal));
  }

  #end(code: number | null, signal: string | null, error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stdout.end();
    this.#stderr.end();
    if (this.#child) for (const stream of streamsOf(this.#child)) stream.destroy();
    this.#events.ended({ code, signal, stderrTail: this.#stderr.tail, ...(error ? { error } : {}) });
  }
}

/** Some failures to start are thrown, others told later by an event. */
function start(options: ProcessLinkOptions): ChildProcess | Error {
  const entry = fileURLToPath(siblingModule("process-child"));
  const program = [process.execPath, ...childFlags(options.memoryLimit), entry];
  const [command = process.execPath, ...args] = options.deathSignal
    ? ["setpriv", "--pdeathsig", "KILL", ...program]
    : program;
  try {
    return spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe", "ipc", "pipe", "pipe"],
      serialization: "json",
      env: { ...options.env },
      windowsHide: true,
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** A child that could not be started for want of descriptors has none, whatever the types say. */
function streamsOf(child: ChildProcess): (Readable | Writable)[] {
  const stdio = child.stdio as ChildProcess["stdio"] | undefined;
  return [...(stdio ?? [])].filter((stream) => stream !== null && stream !== undefined);
}
