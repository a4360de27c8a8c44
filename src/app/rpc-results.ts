/**
 * Results as Celery's `rpc://` has them: sent to whoever sent the task, kept by nobody. The asker holds what came for it in memory, for as
 * long as results are kept and at most `mostKept` and `mostBytes`; who else asks for an id learns nothing. There is no fence: the last word that comes is
 * taken, but a final state never changes.
 */

import type { Clock } from "../clock/clock.ts";
import type { Subscription } from "../port/bus.ts";
import type { Replies } from "../port/replies.ts";
import type { ResultStore, ResultWrite, StoredOutcome } from "../port/result-store.ts";
import type { Warning } from "../port/units.ts";
import { jsonContentType, openBody } from "../wire/content.ts";
import type { Message } from "../wire/message.ts";
import { decodeTaskMeta, isFinal } from "../wire/outcome.ts";

/** Outcomes in memory; the oldest go first. 100 000 of half a kilobyte are 50 MB. */
const mostKept = 100_000;
/** Large ones are fewer: the oldest go first here as well. */
const mostBytes = 256 * 1024 * 1024;
/** Larger than any result that a worker may send by default. */
const maxReplyBytes = 64 * 1024 * 1024;

export interface RpcOptions {
  readonly replies: Replies;
  /** Where answers come: what is sent as `reply_to`. */
  readonly address: string;
  /** How long an answer is kept for its reader, ms. */
  readonly ttl: number;
  readonly clock: Clock;
}

interface Kept extends StoredOutcome {
  /** Monotonic ms. */
  readonly until: number;
}

export class RpcResultStore implements ResultStore {
  readonly features: ResultStore["features"] = { manyReaders: false, watch: true };
  readonly checkpoints = undefined;
  readonly ledger = undefined;
  readonly joins = undefined;
  readonly #options: RpcOptions;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #closing = new AbortController();
  #listening: Promise<Subscription> | undefined;

  constructor(options: RpcOptions) {
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<readonly Warning[]> {
    signal.throwIfAborted();
    const { replies, address } = this.#options;
    this.#listening ??= replies.listen(address, (message) => this.#take(message));
    await this.#listening;
    return [];
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the connection was closed"));
    const listening = await this.#listening?.catch(() => undefined);
    await listening?.close();
  }

  async commit(batch: readonly ResultWrite[]): ReturnType<ResultStore["commit"]> {
    const replies = batch.flatMap(({ meta, reply }) =>
      reply === undefined ? [] : [{ to: reply.queue, message: messageOf(meta, reply.correlationId) }],
    );
    if (replies.length > 0) await this.#options.replies.send(replies, this.#closing.signal);
    // The answer may have been faster than the record that the task waits.
    for (const { id, state, meta } of batch)
      if (state === "PENDING" && this.#read(id) === undefined) this.#keep({ id, state, meta });
    return batch.map(() => "stored");
  }

  get(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]> {
    return Promise.resolve(ids.map((id) => this.#read(id)));
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    let wake = (): void => {};
    const poke = (): void => wake();
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(poke));
    ended.addEventListener("abort", poke);
    try {
      let last: StoredOutcome | undefined;
      for (;;) {
        ended.throwIfAborted();
        const present = this.#read(id);
        if (present === undefined || present === last) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        last = present;
        yield present;
        if (isFinal(present.state)) return;
      }
    } finally {
      ended.removeEventListener("abort", poke);
      watchers.delete(poke);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    }
  }

  forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#drop(id);
    return Promise.resolve();
  }

  #read(id: string): StoredOutcome | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && kept.until > this.#options.clock.monotonic() ? kept : undefined;
  }

  /** What is no task meta is none of ours; anybody may send to an address that he knows. */
  #take(message: Message): void {
    const { compression } = message.headers;
    let outcome: StoredOutcome;
    try {
      const meta = openBody(message, typeof compression === "string" ? compression : undefined, maxReplyBytes);
      const { id, status } = decodeTaskMeta(meta);
      if (id === "") return;
      outcome = { id, state: status, meta };
    } catch {
      return;
    }
    const known = this.#read(outcome.id);
    if (known !== undefined && isFinal(known.state)) return;
    this.#keep(outcome);
    for (const wake of this.#watchers.get(outcome.id) ?? []) wake();
  }

  #keep(outcome: StoredOutcome): void {
    const { clock, ttl } = this.#options;
    const now = clock.monotonic();
    // Put at the end again, so that the map stays in the order in which its entries expire.
    this.#drop(outcome.id);
    this.#kept.set(outcome.id, { ...outcome, until: now + ttl });
    this.#bytes += outcome.meta.length;
    for (const [id, { until }] of this.#kept) {
      if (until > now && this.#kept.size <= mostKept && this.#bytes <= mostBytes) break;
      this.#drop(id);
    }
  }

  #drop(id: string): void {
    this.#bytes -= this.#kept.get(id)?.meta.length ?? 0;
    this.#kept.delete(id);
  }
}

function messageOf(meta: Uint8Array, correlationId: string): Message {
  return {
    headers: Object.create(null) as Record<string, unknown>,
    properties: { correlationId },
    contentType: jsonContentType,
    contentEncoding: "utf-8",
    body: meta,
  };
}
