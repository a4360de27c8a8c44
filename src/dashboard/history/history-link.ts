/**
 * A history on a thread of its own: to take an event costs the caller a few microseconds, and a question that takes long keeps nobody
 * else waiting. What comes faster than the thread can write is let go, and remembered as missed. A thread that dies is started again
 * once a minute at most; what was asked meanwhile is rejected.
 */

import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { EventBatch } from "../../app/events.ts";
import { type Clock, systemClock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Warning } from "../../port/units.ts";
import { History } from "./history.ts";
import type { QueueLevel } from "./levels.ts";
import type { Failure, FromThread, Question, ThreadOptions, ToThread } from "./thread.ts";

export interface LinkOptions extends ThreadOptions {
  readonly clock: Clock;
  readonly warn: (warning: Warning) => void;
  /** Events on their way to the thread at most. Default 100 000, some 60 MB of them. */
  readonly limit?: number;
}

const mostUnderway = 100_000;
const betweenStarts = 60_000;
/** Half of it is in use at 20 000 events a second; without a limit V8 lets garbage lie until there is far more. */
const memory = { maxOldGenerationSizeMb: 160, maxYoungGenerationSizeMb: 24 } as const;

/** The thread's file has the extension of this one: `.ts` from the sources, `.js` from the package. */
const fromSources = import.meta.url.endsWith(".ts");
const threadFile = new URL(`./thread${fromSources ? ".ts" : ".js"}`, import.meta.url);
/** As in src/driver/sqlite/port.ts: each thread would load Node's type stripper otherwise. */
const sourceCache = fileURLToPath(new URL("../../../node_modules/.cache/celeriac-threads", import.meta.url));

type Ask<K extends Question> = (...given: Parameters<History[K]>) => Promise<ReturnType<History[K]>>;

export class HistoryLink {
  readonly #options: LinkOptions;
  #worker: Worker | undefined;
  #startedAt = -Infinity;
  #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;
  #underway = 0;
  #missed: number | undefined = 0;
  #closing = false;

  private constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Rejects as `new History` throws: a file that is not to be touched, or a place where none can be. */
  static async open(options: LinkOptions): Promise<HistoryLink> {
    const link = new HistoryLink(options);
    const opened = Promise.withResolvers<void>();
    link.#start(opened);
    await opened.promise;
    return link;
  }

  #start(opened?: PromiseWithResolvers<void>): void {
    const { clock, warn, path, maxAge, maxBytes } = this.#options;
    this.#startedAt = clock.monotonic();
    const workerData: ThreadOptions = { path, maxAge, maxBytes };
    const worker = new Worker(threadFile, {
      workerData,
      name: "celeriac-history",
      resourceLimits: memory,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      ...(fromSources && { env: { NODE_COMPILE_CACHE: sourceCache, ...process.env } }),
    });
    worker.unref();
    this.#worker = worker;
    this.#underway = 0;
    let cause: unknown;
    let unopened = false;
    worker.on("message", (message: FromThread) => {
      if (message.kind === "open") opened?.resolve();
      else if (message.kind === "unopened") {
        unopened = true;
        opened?.reject(errorOf(message.failure));
      } else this.#hear(message);
    });
    worker.on("error", (error) => (cause = error));
    worker.once("exit", () => {
      this.#worker = undefined;
      const why = cause instanceof Error ? cause.message : "it ended";
      const text = `The thread of the history ${path} is no more (${why}). It is started again.`;
      for (const { reject } of this.#asked.values()) reject(new CeleriacError("BACKEND_REFUSED", text, { cause }));
      this.#asked.clear();
      opened?.reject(new CeleriacError("BACKEND_UNREACHABLE", text, { cause }));
      if (!this.#closing && !(unopened && opened)) warn({ code: "HISTORY_NOT_RECORDING", text });
    });
  }

  #hear(message: FromThread): void {
    if (message.kind === "taken") this.#underway -= message.count;
    else if (message.kind === "warning") this.#options.warn(message.warning);
    else if (message.kind === "answer" || message.kind === "failed") {
      const asked = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      if (message.kind === "answer") asked?.resolve(message.value);
      else asked?.reject(errorOf(message.failure));
      if (this.#asked.size === 0) this.#worker?.unref();
    }
  }

  /** Events on their way to the thread. */
  get waiting(): number {
    return this.#underway;
  }

  /** Never throws, never waits. */
  ingest({ events, missed }: EventBatch): void {
    if (this.#closing) return;
    this.#miss(missed);
    const worker = this.#running();
    if (!worker || this.#underway + events.length > (this.#options.limit ?? mostUnderway)) {
      this.#miss(events.length);
      return;
    }
    const message: ToThread = {
      kind: "events",
      events: JSON.stringify(events),
      count: events.length,
      missed: this.#missed,
    };
    this.#missed = 0;
    this.#underway += events.length;
    worker.postMessage(message);
  }

  /** Never throws, never waits; let go where the thread is behind. */
  sample(queues: readonly QueueLevel[]): void {
    if (this.#closing || this.#underway > (this.#options.limit ?? mostUnderway) / 2) return;
    this.#running()?.postMessage({ kind: "sample", queues } satisfies ToThread);
  }

  #miss(many: number | undefined): void {
    this.#missed = many === undefined || this.#missed === undefined ? undefined : this.#missed + many;
  }

  #running(): Worker | undefined {
    if (!this.#worker && !this.#closing && this.#options.clock.monotonic() - this.#startedAt > betweenStarts)
      this.#start();
    return this.#worker;
  }

  /** Keeps the process alive until it is answered. */
  #ask<K extends Question>(question: K, given: Parameters<History[K]>): Promise<ReturnType<History[K]>> {
    const worker = this.#running();
    if (!worker) return Promise.reject(new CeleriacError("BACKEND_REFUSED", closedText));
    const asked = Promise.withResolvers<unknown>();
    const id = ++this.#last;
    this.#asked.set(id, asked);
    worker.ref();
    worker.postMessage({ kind: "ask", id, question, given } satisfies ToThread);
    return asked.promise as Promise<ReturnType<History[K]>>;
  }

  readonly tasks: Ask<"tasks"> = (...given) => this.#ask("tasks", given);
  readonly counts: Ask<"counts"> = (...given) => this.#ask("counts", given);
  readonly task: Ask<"task"> = (...given) => this.#ask("task", given);
  readonly rows: Ask<"rows"> = (...given) => this.#ask("rows", given);
  readonly log: Ask<"log"> = (...given) => this.#ask("log", given);
  readonly series: Ask<"series"> = (...given) => this.#ask("series", given);
  readonly overview: Ask<"overview"> = (...given) => this.#ask("overview", given);
  readonly queues: Ask<"queues"> = (...given) => this.#ask("queues", given);
  readonly workers: Ask<"workers"> = (...given) => this.#ask("workers", given);
  readonly worker: Ask<"worker"> = (...given) => this.#ask("worker", given);
  readonly ticks: Ask<"ticks"> = (...given) => this.#ask("ticks", given);
  readonly workflows: Ask<"workflows"> = (...given) => this.#ask("workflows", given);
  readonly workflow: Ask<"workflow"> = (...given) => this.#ask("workflow", given);
  readonly names: Ask<"names"> = (...given) => this.#ask("names", given);
  readonly facts: Ask<"facts"> = (...given) => this.#ask("facts", given);

  /** Writes what is left. Safe twice. */
  async close(): Promise<void> {
    this.#closing = true;
    const worker = this.#worker;
    if (!worker) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.postMessage({ kind: "end" } satisfies ToThread);
    await ended;
  }
}

/** On a thread; under a clock of its own, as in tests, on the calling one, for a thread has none but the real. */
export async function openHistory(options: LinkOptions): Promise<HistoryLink | History> {
  if (options.clock === systemClock) return HistoryLink.open(options);
  const { maxAge, maxBytes, ...rest } = options;
  return new History({ ...rest, ...(maxAge !== undefined && { maxAge }), ...(maxBytes !== undefined && { maxBytes }) });
}

const closedText = "The history's thread is not running. Try again in a minute; the warning before says why it ended.";

function errorOf({ code, message, details }: Failure): CeleriacError {
  return new CeleriacError(code, message, { details });
}
