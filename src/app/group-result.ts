/**
 * The outcome of a group: one handle for many tasks. Nothing is stored of a group but its members, so all it says is read from them, in
 * slices, and not kept: 10 000 members cost no more memory than their results.
 */

import type { ResultNode } from "../canvas/result-node.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { stringifyJson } from "../wire/json.ts";
import { isFinal, type ResultTuple } from "../wire/outcome.ts";
import type { AsyncResult, TaskSnapshot } from "./async-result.ts";
import { Gathering, type Settled } from "./gathering.ts";
import { GroupFailedError } from "./group-failure.ts";
import { endings } from "./group-watch.ts";
import type { Progress, TaskDetails, TaskState } from "./outcome-reading.ts";
import { graphOf, type GraphOptions, type ResultGraph } from "./result-graph.ts";
import type { ResultReader } from "./result-reader.ts";
import type { RevokeOptions } from "./revoking.ts";
import { Slices } from "./slices.ts";

/**
 * How far a group is. A task of a group inside it counts for itself.
 *
 * @example
 * ```ts
 * import { group } from "celeriac";
 * const sent = await app.delay(group([resize.si({ file: "a.jpg", width: 800 })]));
 * const { done, failed, total } = await sent.progress();
 * console.log(`${done} of ${total}, ${failed} of them failed`);
 * ```
 */
export interface GroupProgress extends Progress {
  readonly total: number;
  /** Those of the done that failed or were revoked. */
  readonly failed: number;
}

/** A member that has ended. */
export type CompletedMember<T> =
  | { readonly index: number; readonly id: string; readonly status: "fulfilled"; readonly value: T }
  | { readonly index: number; readonly id: string; readonly status: "rejected"; readonly reason: CeleriacError };

/**
 * The outcome of a group, now or later. `T` is the list of its results. It is an {@link AsyncResult} as well: a group inside a group is a
 * member like others.
 *
 * @example
 * ```ts
 * import { group } from "celeriac";
 * const files = ["a.jpg", "b.jpg"];
 * const sent = await app.delay(group(files.map((file) => resize.si({ file, width: 800 }))));
 * const sizes = (await sent.get({ timeout: "1m" })).map(({ bytes }) => bytes);
 * ```
 */
export interface GroupResult<T extends readonly unknown[]> extends AsyncResult<T> {
  /** The members' own handles, in order. */
  readonly results: { readonly [K in keyof T]: AsyncResult<T[K]> };
  /**
   * Waits for all results, in order. Rejects with GroupFailedError at the first failure in that order, RESULT_TIMEOUT after `timeout`
   * (default: none), or the signal's reason.
   */
  get(options?: { readonly timeout?: Duration; readonly signal?: AbortSignal }): Promise<T>;
  /** Waits for all to end, as `Promise.allSettled`. */
  settled(options?: {
    readonly timeout?: Duration;
    readonly signal?: AbortSignal;
  }): Promise<{ -readonly [K in keyof T]: PromiseSettledResult<T[K]> }>;
  /** Each member when it has ended, in no order; those that had ended before come first. */
  completed(signal?: AbortSignal): AsyncIterable<CompletedMember<T[number]>>;
  progress(): Promise<GroupProgress>;
  /** True when all have ended. */
  ready(): Promise<boolean>;
  /** True when all have succeeded. */
  successful(): Promise<boolean>;
  /** True when one has failed or was revoked. */
  failed(): Promise<boolean>;
  /** FAILURE when one has failed, SUCCESS when all have succeeded, PROGRESS when some have ended, else PENDING. */
  state(): Promise<TaskState>;
  /** Nothing is stored of a group: `undefined`. */
  details(): Promise<TaskDetails | undefined>;
  /** Removes what is stored of the members, and the saved list. */
  forget(): Promise<void>;
  /** All members, and those of groups inside it. */
  revoke(options?: RevokeOptions): Promise<void>;
  /**
   * Keeps the list of members, so that `app.groupResult(id)` finds it, and Python's `GroupResult.restore(id)`; for `ttl`, default
   * the app's `resultTtl`.
   * Rejects with NOT_SUPPORTED where results are not kept.
   */
  save(options?: { readonly ttl?: Duration }): Promise<void>;
}

/** Ids in one call of the store. */
const forgetAtOnce = 500;

export type GroupNode = Extract<ResultNode, { readonly kind: "group" }>;

export class StoredGroup implements GroupResult<readonly unknown[]> {
  readonly id: string;
  readonly duplicate: boolean;
  readonly became: "sent" | "joined";
  readonly parent: AsyncResult<unknown> | undefined;
  readonly results: readonly AsyncResult<unknown>[];
  readonly #node: GroupNode;
  readonly #reader: ResultReader;

  constructor(
    node: GroupNode,
    results: readonly AsyncResult<unknown>[],
    reader: ResultReader,
    family: { readonly parent: AsyncResult<unknown> | undefined; readonly duplicate: boolean },
  ) {
    this.id = node.id;
    this.duplicate = family.duplicate;
    this.became = family.duplicate ? "joined" : "sent";
    this.parent = family.parent;
    this.results = results;
    this.#node = node;
    this.#reader = reader;
  }

  get(options: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {}): Promise<readonly unknown[]> {
    return this.#waiting(options, async (gathering, signal) => {
      for await (const ended of endings(gathering.ids, this.#reader, signal)) {
        gathering.take(ended);
        const failure = gathering.firstFailure;
        if (failure !== undefined) throw new GroupFailedError(this.id, failure, gathering);
      }
      return gathering.values();
    });
  }

  settled(
    options: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {},
  ): Promise<PromiseSettledResult<unknown>[]> {
    return this.#waiting(options, async (gathering, signal) => {
      for await (const ended of endings(gathering.ids, this.#reader, signal)) gathering.take(ended);
      return this.results.map((_, member) => gathering.settled(member) as Settled);
    });
  }

  async *completed(signal?: AbortSignal): AsyncGenerator<CompletedMember<unknown>, void, undefined> {
    const gathering = new Gathering(this.#node.members);
    // A group without members inside this one waits for nothing.
    for (const [index, { id }] of this.results.entries()) {
      const settled = gathering.settled(index);
      if (settled !== undefined) yield { index, id, ...settled };
    }
    for await (const ended of endings(gathering.ids, this.#reader, signal ?? new AbortController().signal)) {
      gathering.take(ended);
      const index = gathering.memberOf(ended.index);
      const settled = gathering.settled(index);
      if (settled === undefined) continue;
      gathering.release(index);
      yield { index, id: this.results[index]?.id ?? "", ...settled };
    }
  }

  async *watch(signal?: AbortSignal): AsyncGenerator<TaskSnapshot<readonly unknown[]>, void, undefined> {
    const { id } = this;
    const gathering = new Gathering(this.#node.members);
    const total = gathering.ids.length;
    for await (const ended of endings(gathering.ids, this.#reader, signal ?? new AbortController().signal)) {
      gathering.take(ended);
      if (gathering.ended === total) break;
      const progress = { done: gathering.ended, total, note: undefined };
      yield { id, state: gathering.failed > 0 ? "FAILURE" : "PROGRESS", final: false, progress };
    }
    const failure = gathering.firstFailure;
    if (failure === undefined) yield { id, state: "SUCCESS", final: true, result: gathering.values() };
    else yield { id, state: "FAILURE", final: true, error: new GroupFailedError(id, failure, gathering) };
  }

  async progress(): Promise<GroupProgress> {
    const { ids } = new Gathering(this.#node.members);
    let done = 0;
    let failed = 0;
    for await (const slice of new Slices(this.#reader).read(ids.map((id) => ({ id })))) {
      for (const [, outcome] of slice) {
        if (outcome === undefined || !isFinal(outcome.state)) continue;
        done += 1;
        if (outcome.state !== "SUCCESS") failed += 1;
      }
    }
    return { done, failed, total: ids.length, note: undefined };
  }

  async ready(): Promise<boolean> {
    const { done, total } = await this.progress();
    return done === total;
  }

  async successful(): Promise<boolean> {
    const { done, failed, total } = await this.progress();
    return done === total && failed === 0;
  }

  async failed(): Promise<boolean> {
    return (await this.progress()).failed > 0;
  }

  async state(): Promise<TaskState> {
    const { done, failed, total } = await this.progress();
    if (failed > 0) return "FAILURE";
    if (done === total) return "SUCCESS";
    return done > 0 ? "PROGRESS" : "PENDING";
  }

  details(): Promise<TaskDetails | undefined> {
    return Promise.resolve(undefined);
  }

  children(): Promise<readonly AsyncResult<unknown>[]> {
    return Promise.resolve(this.results);
  }

  graph(options: GraphOptions = {}): Promise<ResultGraph> {
    return graphOf(this.#node, this.#reader, options);
  }

  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.#reader.revoke({ ids: new Gathering(this.#node.members).ids }, options);
  }

  async forget(): Promise<void> {
    const { ids } = new Gathering(this.#node.members);
    for (let at = 0; at < ids.length; at += forgetAtOnce) await this.#reader.forget(ids.slice(at, at + forgetAtOnce));
    await this.#reader.unsave(this.id);
  }

  async save(options: { readonly ttl?: Duration } = {}): Promise<void> {
    const ttl = options.ttl === undefined ? undefined : durationMs(options.ttl, "save: ttl");
    await this.#reader.save(this.id, new TextEncoder().encode(stringifyJson({ result: this.toJSON() })), ttl);
  }

  toJSON(): ResultTuple {
    return [[this.id, this.parent?.toJSON() ?? null], this.results.map((result) => result.toJSON())];
  }

  async #waiting<T>(
    options: { readonly timeout?: Duration; readonly signal?: AbortSignal },
    wait: (gathering: Gathering, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { timeout, signal: caller } = options;
    const gathering = new Gathering(this.#node.members);
    const over = new AbortController();
    if (timeout !== undefined) this.#expire(durationMs(timeout, "get: timeout"), gathering, over);
    try {
      return await wait(gathering, caller === undefined ? over.signal : AbortSignal.any([caller, over.signal]));
    } finally {
      over.abort(new Error("answered"));
    }
  }

  #expire(ms: number, gathering: Gathering, over: AbortController): void {
    this.#reader.clock.sleep(ms, over.signal).then(
      () =>
        over.abort(
          new CeleriacError(
            "RESULT_TIMEOUT",
            `Of the ${gathering.ids.length} tasks of group ${this.id}, ${gathering.ended} have ended after ${ms} ms. The others may still run; ask again, or see whether a worker takes their queues.`,
            { details: { id: this.id, timeout: ms, ended: gathering.ended, total: gathering.ids.length } },
          ),
        ),
      () => {},
    );
  }
}
