/** What a handler sees besides its input. Small on purpose. */

import type { Duration } from "./duration.ts";
import type { Jsonify } from "./jsonify.ts";
import type { Closed, Signature } from "./signature.ts";

/**
 * Lines of the worker's log, with the task's id.
 *
 * @example
 * ```ts
 * app.task("audit.write", (entry: { text: string }, { log }) => {
 *   log.info("written", { text: entry.text });
 * });
 * ```
 */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * What `ctx.retry` may be told.
 *
 * @example
 * ```ts
 * app.task("order.pull", async ({ order }: { order: number }, ctx) => {
 *   const reply = await fetch(`https://shop.example.com/orders/${order}`);
 *   if (reply.status === 429) ctx.retry({ delay: "30s", limit: 10 });
 *   return reply.text();
 * });
 * ```
 */
export interface RetryOptions {
  /** Wait before the next try; default: the task's own policy. */
  readonly delay?: Duration;
  /** Kept as the RETRY state's error. */
  readonly error?: unknown;
  /** Most tries after the first; default: the task's own, or 3. */
  readonly limit?: number;
}

/**
 * The message behind a run, in Celery's words. Everything was said by whoever sent it; only `redelivered` is the broker's.
 *
 * @example
 * ```ts
 * app.task("audit.write", (entry: { text: string }, { request, log }) => {
 *   log.info(entry.text, { asked: request.root, replyTo: request.replyTo, again: request.redelivered });
 * });
 * ```
 */
export interface TaskRequest {
  readonly root: string;
  readonly parent: string | undefined;
  readonly group: string | undefined;
  /** Place among the members of its group. */
  readonly groupIndex: number | undefined;
  /** Earlier runs that were to be tried again: `ctx.attempt - 1`. */
  readonly retries: number;
  readonly correlationId: string;
  /** Where an asker waits for the result, with `rpc://`. */
  readonly replyTo: string | undefined;
  /** The wire's number; 0 where nobody said one. */
  readonly priority: number;
  /** True if it was handed out before. */
  readonly redelivered: boolean;
  /** The queue that it was taken from, which is Celery's routing key. */
  readonly routingKey: string;
  /** Limits of this run, ms. */
  readonly timeLimit: number | undefined;
  readonly softTimeLimit: number | undefined;
  readonly eta: Date | undefined;
  readonly expires: Date | undefined;
  /** Who sent it, as the sender says. */
  readonly origin: string | undefined;
  /** Name to show instead of the task's. */
  readonly shadow: string | undefined;
  /** Custom headers of the message. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly stamps: Readonly<Record<string, unknown>>;
}

/**
 * The second parameter of a handler.
 *
 * @example
 * ```ts
 * app.task("rows.copy", async (job: { pages: number }, ctx) => {
 *   for (let page = 1; page <= job.pages; page++) {
 *     await ctx.checkpoint(`page-${page}`, async () => {
 *       const got = await fetch(`https://shop.example.com/rows?page=${page}`, { signal: ctx.signal });
 *       return got.status;
 *     });
 *     ctx.progress(page, job.pages);
 *   }
 * });
 * ```
 */
export interface TaskContext {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  /** 1 for the first run; grows with retries only. */
  readonly attempt: number;
  /** Grows with every claim; 0 where the broker has none. */
  readonly fence: number;
  /** The same in every run of this task: use it as idempotency key at third parties. */
  readonly idempotencyKey: string;
  /** Aborts at the soft limit, when the lease is lost, and at shutdown. */
  readonly signal: AbortSignal;
  /** When the hard limit strikes; `undefined` without one. */
  readonly deadline: Date | undefined;
  readonly lineage: { readonly root: string; readonly parent: string | undefined; readonly group: string | undefined };
  /** Custom headers of the message. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** What else the message says. */
  readonly request: TaskRequest;
  readonly log: Logger;
  /** Reports progress; calls closer than 100 ms are merged into the last. */
  progress(done: number, total?: number, note?: string): void;
  /**
   * Stores a state of your own with what belongs to it, as Celery's `update_state`; the next one, and the end, replace it. Rejects with
   * NAME_INVALID for names that mean something else: PENDING, RETRY and the final three.
   */
  state(name: string, meta?: unknown): Promise<void>;
  /**
   * Runs `make` once and keeps its result with the task, across crashes and retries; later runs get what was kept.
   * Names are used once a run. Rejects with CHECKPOINT_FENCED when another worker holds this task by now.
   */
  checkpoint<T>(name: string, make: () => T | Promise<T>): Promise<Jsonify<T>>;
  /** Ends this run and tries again later. Throws, so nothing after it runs. */
  retry(options?: RetryOptions): never;
  /** Ends this run; the message goes back to the queue, or to the dead letters. Nothing is stored. */
  reject(options?: { readonly requeue?: boolean; readonly reason?: string }): never;
  /**
   * Ends this run; the workflow takes its place: its id, callbacks, place in chain, group and chord stay, and the workflow's result is this
   * task's. Throws, so nothing after it runs; write `return ctx.replace(…)`, and the compiler holds its result to the handler's. Throws
   * CONFIG_INVALID for a chain without steps.
   */
  replace<I, R>(workflow: Signature<I, R> & Closed<I>): R;
  /**
   * Adds a member to the chord that this task is a member of, which then waits for it too; resolves with its id. Rejects with
   * CONFIG_INVALID outside of a chord, and with NOT_SUPPORTED where results lie in a place that joins nothing.
   */
  addToChord<I>(member: Signature<I, unknown> & Closed<I>): Promise<string>;
}
