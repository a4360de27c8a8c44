/**
 * A task's outcome by its id. Holds no connection and no state: two handles of one id are equal, and one made tomorrow from the
 * id alone works as well. A final state never changes.
 */

import type { ResultNode } from "../canvas/result-node.ts";
import { resultNode } from "../canvas/result-reading.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import { decodeTaskMeta, type ResultTuple } from "../wire/outcome.ts";
import { StoredGroup } from "./group-result.ts";
import {
  detailsOf,
  progressOf,
  type Progress,
  type TaskDetails,
  type TaskState,
  readOutcome,
} from "./outcome-reading.ts";
import { graphOf, type GraphOptions, type ResultGraph } from "./result-graph.ts";
import type { ResultReader } from "./result-reader.ts";
import type { RevokeOptions } from "./revoking.ts";
import type { Sent } from "./sent.ts";

/**
 * One stored state of a task, as `watch` gives it.
 *
 * @example
 * ```ts
 * for await (const { state, progress } of sent.watch()) {
 *   console.log(state, progress?.done, progress?.total);
 * }
 * ```
 */
export interface TaskSnapshot<R> {
  readonly id: string;
  readonly state: TaskState;
  /** The result; only with SUCCESS. */
  readonly result?: R;
  /** Why there is none; only with FAILURE and REVOKED. */
  readonly error?: CeleriacError;
  /** The last report; only with PROGRESS. */
  readonly progress?: Progress;
  /** What was stored with a state that ends nothing; not with RETRY, which has an error of its own. */
  readonly meta?: unknown;
  /** True when no other state will follow. */
  readonly final: boolean;
}

/**
 * The outcome of one task, now or later. Made by `delay`, `enqueue`, or from an id by `app.result(id)`.
 *
 * @example
 * ```ts
 * const sent = await resize.delay({ file: "a.png", width: 800 });
 * const { bytes } = await sent.get({ timeout: "30s" });
 * ```
 */
export interface AsyncResult<R> {
  readonly id: string;
  /** True if this very id had been enqueued before: nothing was sent now. */
  readonly duplicate: boolean;
  /**
   * What became of the call that gave this handle. "joined": nothing was sent, for this task stands for it (`unique`, `throttle`), or had this very id.
   * "replaced": this task waits, and has the input of the call now (`unique`, `debounce`, `throttle`). Else "sent".
   */
  readonly became: "sent" | "joined" | "replaced";
  /** What ran before it in its chain, if this handle was made by starting it; of a chord's body, the group. */
  readonly parent: AsyncResult<unknown> | undefined;
  /** PENDING also for an id that nobody knows. */
  state(): Promise<TaskState>;
  /**
   * Waits for the end. Rejects with TaskFailedError, TaskRevokedError, RESULT_TIMEOUT after `timeout` (default: none), or the
   * signal's reason.
   */
  get(options?: { readonly timeout?: Duration; readonly signal?: AbortSignal }): Promise<R>;
  /** What `ctx.progress` reported last; `undefined` before the first report and after the end. */
  progress(): Promise<Progress | undefined>;
  /** What is stored about the task beside its result; `undefined` while nothing is. */
  details(): Promise<TaskDetails | undefined>;
  /** Every stored state from now on, the present one first; ends after the final one. */
  watch(signal?: AbortSignal): AsyncIterable<TaskSnapshot<R>>;
  /** Removes what is stored. A task that still runs will store its result again. */
  forget(): Promise<void>;
  /**
   * It is not to run any more: what waits, in a queue, for its time, in a worker or between two tries, never runs and ends as REVOKED, also
   * when every worker is restarted meanwhile; what runs is stopped with `terminate`. Resolves when that is written.
   */
  revoke(options?: RevokeOptions): Promise<void>;
  /** What it sent, and what followed it, as far as that is stored: known when it has ended. */
  children(): Promise<readonly AsyncResult<unknown>[]>;
  /** The same of its children, and so on, within bounds. */
  graph(options?: GraphOptions): Promise<ResultGraph>;
  /** As Celery names a result elsewhere; a handler may return a handle. */
  toJSON(): ResultTuple;
}

export class StoredResult<R> implements AsyncResult<R> {
  readonly id: string;
  readonly duplicate: boolean;
  readonly became: "sent" | "joined" | "replaced";
  readonly reader: ResultReader;
  readonly #before: ResultNode | undefined;
  #parent: AsyncResult<unknown> | undefined;

  constructor(id: string, reader: ResultReader, sent: Sent["kind"] = "accepted", before?: ResultNode) {
    this.id = id;
    this.duplicate = sent === "duplicate";
    this.became = sent === "accepted" ? "sent" : sent === "replaced" ? "replaced" : "joined";
    this.reader = reader;
    this.#before = before;
  }

  /** Made when it is asked for: chains are long. */
  get parent(): AsyncResult<unknown> | undefined {
    if (this.#before !== undefined) this.#parent ??= this.handle(this.#before);
    return this.#parent;
  }

  async state(): Promise<TaskState> {
    return (await this.reader.read(this.id))?.state ?? "PENDING";
  }

  async get(options: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {}): Promise<R> {
    const { timeout, signal: caller } = options;
    const over = new AbortController();
    const signal = caller === undefined ? over.signal : AbortSignal.any([caller, over.signal]);
    if (timeout !== undefined) this.#expire(durationMs(timeout, "get: timeout"), over);
    try {
      for await (const outcome of this.reader.watch(this.id, signal)) {
        const snapshot = snapshotOf<R>(this.id, outcome);
        if (snapshot.error !== undefined) throw snapshot.error;
        if (snapshot.final) return snapshot.result as R;
      }
    } catch (error) {
      if (signal.aborted && !(error instanceof CeleriacError && error.code.startsWith("TASK_"))) throw signal.reason;
      throw error;
    } finally {
      over.abort(new Error("answered"));
    }
    signal.throwIfAborted();
    throw new CeleriacError("BACKEND_CLOSED", `The app was closed before task ${this.id} ended.`);
  }

  async progress(): Promise<Progress | undefined> {
    const outcome = await this.reader.read(this.id);
    return outcome === undefined ? undefined : progressOf(outcome);
  }

  async details(): Promise<TaskDetails | undefined> {
    const outcome = await this.reader.read(this.id);
    return outcome === undefined || outcome.state === "PENDING" ? undefined : detailsOf(outcome);
  }

  async *watch(signal?: AbortSignal): AsyncGenerator<TaskSnapshot<R>, void, undefined> {
    const over = new AbortController();
    const both = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
    try {
      for await (const outcome of this.reader.watch(this.id, both)) yield snapshotOf<R>(this.id, outcome);
      signal?.throwIfAborted();
    } finally {
      over.abort(new Error("the watcher left"));
    }
  }

  forget(): Promise<void> {
    return this.reader.forget([this.id]);
  }

  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.reader.revoke({ ids: [this.id] }, options);
  }

  async children(): Promise<readonly AsyncResult<unknown>[]> {
    const outcome = await this.reader.read(this.id);
    const children = outcome === undefined ? [] : (decodeTaskMeta(outcome.meta).children ?? []);
    return children.flatMap((tuple) => {
      const node = resultNode(tuple);
      return node === undefined ? [] : [this.handle(node)];
    });
  }

  graph(options: GraphOptions = {}): Promise<ResultGraph> {
    return graphOf({ kind: "task", id: this.id }, this.reader, options);
  }

  toJSON(): ResultTuple {
    return [[this.id, this.parent?.toJSON() ?? null], null];
  }

  /** A handle of something else, that reads where this one does. */
  handle(node: ResultNode, duplicate = false): AsyncResult<unknown> {
    if (node.kind === "task")
      return new StoredResult(node.id, this.reader, duplicate ? "duplicate" : "accepted", node.parent);
    const parent = node.parent === undefined ? undefined : this.handle(node.parent);
    const results = node.members.map((member) => this.handle(member));
    return new StoredGroup(node, results, this.reader, { parent, duplicate });
  }

  #expire(ms: number, over: AbortController): void {
    this.reader.clock.sleep(ms, over.signal).then(
      () =>
        over.abort(
          new CeleriacError(
            "RESULT_TIMEOUT",
            `Task ${this.id} has not ended after ${ms} ms. It may still run; ask again with the same id, or see whether a worker takes its queue.`,
            { details: { id: this.id, timeout: ms } },
          ),
        ),
      () => {},
    );
  }
}

function snapshotOf<R>(id: string, outcome: StoredOutcome): TaskSnapshot<R> {
  const meta = readOutcome(outcome);
  const progress = progressOf(outcome);
  return {
    id,
    state: meta.status as TaskState,
    final: meta.final,
    ...(meta.status === "SUCCESS" && { result: meta.result as R }),
    ...(meta.error !== undefined && { error: meta.error }),
    ...(progress !== undefined && { progress }),
    ...(!meta.final && meta.status !== "RETRY" && { meta: meta.result }),
  };
}
