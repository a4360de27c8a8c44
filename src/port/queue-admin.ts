/** Looking into queues and dead letters: what the CLI, the doctor and the dashboard need. Never touches delivery order or flags. */

import type { ServerTime } from "./units.ts";

/**
 * Looking into queues; `app.queues`.
 *
 * @example
 * ```ts
 * for (const { name, ready } of await app.queues.list()) console.log(name, ready);
 * await app.queues.purge("mail", { ready: true, delayed: false });
 * ```
 */
export interface QueueAdmin {
  list(): Promise<readonly QueueState[]>;
  /** Keyset paging, at most 200; never touches delivery order or flags. Rejects with NOT_SUPPORTED where `browse` is none. */
  browse(
    queue: string,
    where: "ready" | "delayed" | "leased",
    after: string | undefined,
    limit: number,
  ): Promise<Page<Held>>;
  /** Where is this task now? Undefined where the broker can't tell. For "why is it not running?" */
  find(queue: string, id: string): Promise<Held | undefined>;
  purge(queue: string, what: { readonly ready: boolean; readonly delayed: boolean }): Promise<number>;
  /**
   * Moves tasks at somebody's word, each in one step. What is ready goes to the front or the end of its priority; where several go to the
   * front, the first that is named comes first. What is leased is taken from its holder, which can commit nothing of that run any more,
   * and comes again as `redelivered`, with the counts it had. What is delayed keeps its moment, and changes the queue at most. Answers
   * what each was, in the order of the input; undefined: it does not lie in this queue (any more). At most 1 000 at once. Rejects with
   * NOT_SUPPORTED where `features.requeue` is false, and with NAME_INVALID.
   */
  requeue(queue: string, ids: readonly string[], to: RequeueTo): Promise<readonly (Held["state"] | undefined)[]>;
  pause(queue: string): Promise<void>;
  resume(queue: string): Promise<void>;
}
/**
 * Where tasks are put back.
 *
 * @example
 * ```ts
 * const [was] = await app.queues.requeue("mail", [sent.id], { at: "back", queue: "slow" });
 * console.log(was ?? "it has gone");
 * ```
 */
export interface RequeueTo {
  readonly at: "front" | "back";
  /** Default: the queue in which they lie. */
  readonly queue?: string;
}
/**
 * One queue, counted. What a broker cannot tell is absent. Times are unix milliseconds.
 *
 * @example
 * ```ts
 * for (const { name, ready, oldest } of await app.queues.list()) {
 *   const waiting = ready.reduce((all, { count }) => all + count, 0);
 *   console.log(name, waiting, oldest);
 * }
 * ```
 */
export interface QueueState {
  readonly name: string;
  readonly paused: boolean;
  readonly ready: readonly { readonly priority: number; readonly count: number }[];
  readonly delayed?: number;
  readonly leased?: number;
  readonly consumers?: number;
  readonly oldest?: ServerTime;
}
/**
 * One message in a queue, as it lies there.
 *
 * @example
 * ```ts
 * const held = await app.queues.find("mail", sent.id);
 * console.log(held?.state, held?.worker); // "leased", and by whom
 * ```
 */
export interface Held {
  readonly key: string;
  readonly raw: Uint8Array;
  readonly since: ServerTime;
  readonly state: "ready" | "delayed" | "leased";
  readonly due?: ServerTime;
  readonly leaseUntil?: ServerTime;
  readonly worker?: string;
  readonly ahead?: number;
}
/**
 * Messages that will not be run again by themselves; `app.dead`.
 *
 * @example
 * ```ts
 * const { items } = await app.dead.list({ reason: "exhausted" }, undefined, 100);
 * await app.dead.redrive(items.map(({ key }) => key));
 * ```
 */
export interface DeadLetters {
  list(
    filter: { readonly queue?: string; readonly task?: string; readonly reason?: string },
    after: string | undefined,
    limit: number,
  ): Promise<Page<DeadLetter>>;
  /** Same id, crash budget cleared, `dedupe` not applied, final result removed first, all in one step per letter. */
  redrive(keys: readonly string[]): Promise<number>;
  drop(keys: readonly string[]): Promise<number>;
}
/** A message with the reason why it lies here and the record of its attempts. */
export interface DeadLetter {
  readonly key: string;
  readonly id: string | undefined;
  readonly task: string | undefined;
  readonly queue: string;
  readonly reason:
    | "undecodable"
    | "refused-content"
    | "refused-signature"
    | "unknown-task"
    | "invalid-input"
    | "crashed"
    | "exhausted"
    | "rejected";
  readonly at: ServerTime;
  readonly raw: Uint8Array;
  readonly attempts: readonly AttemptRecord[];
  readonly detail: string;
}
export interface AttemptRecord {
  readonly attempt: number;
  readonly worker: string;
  readonly pid: number | undefined;
  readonly started: ServerTime;
  readonly ended: ServerTime | undefined;
  readonly exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  readonly stderrTail: string;
  readonly error: string | undefined;
}
/** Some of many; `next` asks for those after, and is absent on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}
