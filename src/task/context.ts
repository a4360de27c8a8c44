/** What a handler sees besides its input. Small on purpose. */

import type { Duration } from "./duration.ts";
import type { Jsonify } from "./jsonify.ts";

/** Lines of the worker's log, with the task's id. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What `ctx.retry` may be told. */
export interface RetryOptions {
  /** Wait before the next try; default: the task's own policy. */
  readonly delay?: Duration;
  /** Kept as the RETRY state's error. */
  readonly error?: unknown;
  /** Most tries after the first; default: the task's own, or 3. */
  readonly limit?: number;
}

/**
 * The second parameter of a handler.
 *
 * @example
 * ```ts
 * app.task("rows.import", async (job: { pages: number }, ctx) => {
 *   for (let page = 1; page <= job.pages; page++) {
 *     await ctx.checkpoint(`page-${page}`, () => importPage(page, ctx.signal));
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
  readonly log: Logger;
  /** Reports progress; calls closer than 100 ms are merged into the last. */
  progress(done: number, total?: number, note?: string): void;
  /**
   * Runs `make` once and keeps its result with the task, across crashes and retries; later runs get what was kept.
   * Names are used once a run. Rejects with CHECKPOINT_FENCED when another worker holds this task by now.
   */
  checkpoint<T>(name: string, make: () => T | Promise<T>): Promise<Jsonify<T>>;
  /** Ends this run and tries again later. Throws, so nothing after it runs. */
  retry(options?: RetryOptions): never;
  /** Ends this run; the message goes back to the queue, or to the dead letters. Nothing is stored. */
  reject(options?: { readonly requeue?: boolean; readonly reason?: string }): never;
}
