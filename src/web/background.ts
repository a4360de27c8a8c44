/**
 * Light work after the response, in this process: what FastAPI calls background tasks. One batch a request: its functions run in order,
 * one failing does not touch the next, none starts before the response is over. `close` waits for them, but not for ever.
 * What is added does not survive a crash of the process; what is sent with `durable` does.
 */

import type { AsyncResult } from "../app/async-result.ts";
import type { Clock } from "../clock/clock.ts";
import { systemClock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { DurableQueue } from "./durable-queue.ts";

/** The two levels this room writes; pino's argument order, so that a framework's own logger fits as it is. */
export interface BackgroundLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A task, as `background.durable` takes it. */
export interface Sendable {
  readonly name: string;
  delay(...input: never[]): Promise<AsyncResult<unknown>>;
}

/**
 * What a request handler sees.
 *
 * @example
 * ```ts
 * server.post("/orders", async (request) => {
 *   request.background.add(console.log, "accepted", 7);
 *   return { ok: true };
 * });
 * ```
 */
export interface BackgroundTasks {
  /**
   * Runs `work(...args)` after the response, behind what this request added before. Its promise is awaited, its error is logged.
   * Nothing runs if the handler fails: what it announced has not happened. Throws BACKGROUND_CLOSED once the server has closed.
   */
  add<Args extends unknown[]>(work: (...args: Args) => unknown, ...args: Args): void;
  /**
   * Sends a task of this app to a queue in a file of this server, and resolves when it is written there: from then on it survives the death of
   * the process, whatever becomes of the request. It runs in this process, or in the one that is started next. Rejects with
   * BACKGROUND_NOT_DURABLE without the option `durable`, BACKGROUND_UNAVAILABLE, TASK_UNKNOWN, BACKGROUND_CLOSED, and as `delay` does.
   *
   * @example
   * ```ts
   * server.post("/orders", async (request) => {
   *   await request.background.durable(sendReceipt, { order: 7 });
   *   return { ok: true };
   * });
   * ```
   */
  durable<T extends Sendable>(task: T, ...input: Parameters<T["delay"]>): ReturnType<T["delay"]>;
  /** Aborts when the server closes and its patience is over; hand it to what can stop early. */
  readonly signal: AbortSignal;
}

export interface BackgroundOptions {
  readonly log: BackgroundLog;
  /** How long `close` waits for what was added, ms. Default 10 000. */
  readonly patience?: number;
  readonly clock?: Clock;
  /** Where `durable` sends; closed with the rest. */
  readonly durable?: DurableQueue | undefined;
}

interface Entry {
  readonly name: string;
  readonly run: () => unknown;
}

/** All batches of one server. */
export class Background {
  readonly #log: BackgroundLog;
  readonly #patience: number;
  readonly #clock: Clock;
  readonly #durable: DurableQueue | undefined;
  readonly #stop = new AbortController();
  /** Batches with work that is waiting for its response or running. */
  readonly #busy = new Set<BackgroundBatch>();
  #closing: Promise<void> | undefined;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(options: BackgroundOptions) {
    this.#log = options.log;
    this.#patience = options.patience ?? 10_000;
    this.#clock = options.clock ?? systemClock;
    this.#durable = options.durable;
  }

  /** Functions waiting or running now. */
  get pending(): number {
    let sum = 0;
    for (const batch of this.#busy) sum += batch.pending;
    return sum;
  }

  /** A batch for one request; `log` is the request's own logger, if it has one. */
  batch(log: BackgroundLog = this.#log): BackgroundBatch {
    return new BackgroundBatch({
      log,
      signal: this.#stop.signal,
      closed: () => this.#closed,
      durable: (task, input) => this.#send(task, input),
      busy: (batch) => this.#busy.add(batch),
      idle: (batch) => {
        this.#busy.delete(batch);
        if (this.#busy.size === 0) this.#idle?.();
      },
    });
  }

  /** Waits for all that was added, at most `patience`; then aborts `signal`, logs what is given up, and returns. Safe twice. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #send(task: { readonly name: string }, input: unknown): Promise<AsyncResult<unknown>> {
    if (this.#durable === undefined) {
      throw new CeleriacError(
        "BACKGROUND_NOT_DURABLE",
        `background.durable("${task.name}") has no file to keep it in. Name one: tasks({ app, durable: "sqlite:background.db" }), on a disk that outlives the process; or send it to the app's broker with delay().`,
        { details: { task: task.name } },
      );
    }
    if (this.#closed) throw closedError();
    return this.#durable.send(task.name, input);
  }

  async #drain(): Promise<void> {
    if (this.#busy.size > 0) {
      const over = new AbortController();
      const idle = new Promise<void>((resolve) => (this.#idle = resolve));
      const late = this.#clock.sleep(this.#patience, over.signal).catch(() => {});
      await Promise.race([idle, late]);
      over.abort();
    }
    this.#closed = true;
    const lost = [...this.#busy].flatMap((batch) => batch.abandon());
    if (lost.length > 0) {
      this.#log.warn(
        { background: lost, patience: this.#patience },
        `closed with ${lost.length} background tasks unfinished after ${this.#patience} ms; work that must not be lost belongs in a task`,
      );
    }
    this.#stop.abort(new CeleriacError("BACKGROUND_CLOSED", "the server has closed; background work ends here"));
    await this.#durable?.close(this.#patience);
  }
}

interface Owner {
  readonly log: BackgroundLog;
  readonly signal: AbortSignal;
  readonly closed: () => boolean;
  readonly durable: (task: { readonly name: string }, input: unknown) => Promise<AsyncResult<unknown>>;
  readonly busy: (batch: BackgroundBatch) => void;
  readonly idle: (batch: BackgroundBatch) => void;
}

/**
 * ```
 *  holding ── release() ──▶ running ⇄ resting          add() in resting runs at once: the response is out
 *     └────── drop() ─────▶ dropped                     add() in dropped does nothing
 * ```
 */
export class BackgroundBatch implements BackgroundTasks {
  readonly #owner: Owner;
  readonly #entries: Entry[] = [];
  #state: "holding" | "running" | "resting" | "dropped" = "holding";
  #over: PromiseWithResolvers<void> | undefined;
  #current: string | undefined;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get signal(): AbortSignal {
    return this.#owner.signal;
  }

  get pending(): number {
    return this.#entries.length + (this.#current === undefined ? 0 : 1);
  }

  add<Args extends unknown[]>(work: (...args: Args) => unknown, ...args: Args): void {
    if (typeof work !== "function") {
      throw new TypeError(
        `background.add takes a function and its arguments, not ${typeof work}; pass the function, don't call it`,
      );
    }
    if (this.#owner.closed()) throw closedError();
    if (this.#state === "dropped") return;
    this.#entries.push({ name: work.name || "(anonymous)", run: () => work(...args) });
    this.#owner.busy(this);
    if (this.#state === "resting") this.#start();
  }

  durable<T extends Sendable>(task: T, ...[input]: Parameters<T["delay"]>): ReturnType<T["delay"]> {
    return this.#owner.durable(task, input) as ReturnType<T["delay"]>;
  }

  /** The response is over: run. Safe twice. */
  release(): void {
    if (this.#state !== "holding") return;
    this.#state = "resting";
    if (this.#entries.length > 0) this.#start();
  }

  /** The handler failed: forget what has not started. */
  drop(): void {
    if (this.#state !== "holding") return;
    this.#state = "dropped";
    if (this.#entries.length === 0) return;
    const names = this.#entries.splice(0).map((entry) => entry.name);
    this.#owner.log.warn({ background: names }, "the request failed, so its background tasks were not run");
    this.#owner.idle(this);
  }

  /** Resolves when nothing of it waits or runs any more, or when it is given up. */
  ended(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  /** Names of what is unfinished; nothing more starts. */
  abandon(): readonly string[] {
    const names = [
      ...(this.#current === undefined ? [] : [this.#current]),
      ...this.#entries.splice(0).map((entry) => entry.name),
    ];
    this.#state = "dropped";
    this.#over?.resolve();
    return names;
  }

  #start(): void {
    this.#state = "running";
    // One turn of the loop later: a function that computes for long must not sit between "finish" and whoever else listens for it.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) {
      this.#current = entry.name;
      try {
        await entry.run();
      } catch (error) {
        this.#owner.log.error({ err: error, background: entry.name }, `background task ${entry.name} failed`);
      }
      this.#current = undefined;
    }
    if (this.#state === "running") this.#state = "resting";
    this.#over?.resolve();
    this.#over = undefined;
    this.#owner.idle(this);
  }
}

function closedError(): CeleriacError {
  return new CeleriacError(
    "BACKGROUND_CLOSED",
    "the server has closed and runs no more background work; use a task for what must happen",
  );
}
