/**
 * A thread of this process: the same frames, transferred, and control as plain messages. `terminate()` ends loops, but not a
 * blocking native call, and native crashes take the whole worker: only processes contain those.
 */

import { Worker } from "node:worker_threads";
import type { Clock } from "../clock/clock.ts";
import { mebibytes } from "./child-environment.ts";
import { ChildOutput } from "./child-output.ts";
import { FrameDraft } from "./frame.ts";
import { type ControlFromChild, type ControlToChild, type Link, type LinkEvents, siblingModule } from "./link.ts";
import { readReplyFrame } from "./reply-frame.ts";

export interface ThreadLinkOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly memoryLimit: number | undefined;
  readonly clock: Clock;
}

/** A thread in a blocking native call can't be ended; after this it is written off, and ends when the call does. */
const writtenOffAfter = 2000;

export class ThreadLink implements Link {
  readonly draft: FrameDraft = new FrameDraft();
  readonly id: number;
  readonly pid: number = process.pid;
  readonly #worker: Worker;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #stdout: ChildOutput;
  readonly #stderr: ChildOutput;
  #scheduled = false;
  #ended = false;

  constructor(options: ThreadLinkOptions, events: LinkEvents) {
    this.#events = events;
    this.#clock = options.clock;
    this.#stdout = new ChildOutput((text, slot) => events.line("stdout", text, slot));
    this.#stderr = new ChildOutput((text, slot) => events.line("stderr", text, slot));
    const { memoryLimit } = options;
    this.#worker = new Worker(siblingModule("thread-child"), {
      env: { ...options.env },
      stdout: true,
      stderr: true,
      name: "celeriac",
      ...(memoryLimit === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: mebibytes(memoryLimit) } }),
    });
    this.id = this.#worker.threadId;
    this.#listen();
  }

  wake(): void {
    if (this.draft.full) this.#flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  control(message: ControlToChild): void {
    if (!this.#ended) this.#worker.postMessage(message);
  }

  kill(): void {
    if (this.#ended) return;
    void this.#worker.terminate();
    this.#clock.after(writtenOffAfter, () => this.#end(1));
  }

  /** Only the thread itself knows its share. */
  async memory(): Promise<number | undefined> {
    return undefined;
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.draft.empty || this.#ended) return;
    for (const piece of this.draft.take(Infinity)) this.#worker.postMessage(piece, [piece.buffer as ArrayBuffer]);
  }

  #listen(): void {
    const worker = this.#worker;
    worker.stdout.on("data", (chunk: Buffer) => this.#stdout.push(chunk));
    worker.stderr.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    worker.on("message", (message: unknown) => {
      if (!(message instanceof Uint8Array)) {
        this.#events.control(message as ControlFromChild);
        return;
      }
      for (const item of readReplyFrame(Buffer.from(message.buffer, message.byteOffset, message.byteLength))) {
        this.#events.framed(item);
      }
    });
    worker.on("error", (error: unknown) => {
      // A process prints this by itself; a thread leaves it to whoever listens.
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#stderr.push(Buffer.from(`${text}\n`));
    });
    // What the thread wrote may still be on its way through the streams; they end in this turn's microtasks.
    worker.on("exit", (code) => setImmediate(() => this.#end(code)));
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stdout.end();
    this.#stderr.end();
    this.#events.ended({ code, signal: null, stderrTail: this.#stderr.tail });
  }
}
