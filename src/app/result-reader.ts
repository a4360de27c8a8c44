/** How results are read: from the store, or, inside a pool child, by asking the worker, which alone holds the connection. */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Joins } from "../port/joins.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import type { RunningTask } from "../task/running.ts";
import { type Revoked, type RevokeOptions, revokeIn } from "./revoking.ts";
import { isFinal } from "../wire/outcome.ts";

export interface ResultReader {
  readonly clock: Clock;
  read(id: string): Promise<StoredOutcome | undefined>;
  /** Many at once, in the order of the ids. Callers give a few hundred. */
  readMany(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]>;
  /** The present state first, then each change; ends after the final one. Rejects when the signal aborts. */
  watch(id: string, signal: AbortSignal): AsyncIterable<StoredOutcome>;
  forget(ids: readonly string[]): Promise<void>;
  /** The list of a group's members: kept (ms; default as long as results), read, removed. Rejects with NOT_SUPPORTED where results are not kept. */
  save(group: string, meta: Uint8Array, ttl: number | undefined): Promise<void>;
  saved(group: string): Promise<Uint8Array | undefined>;
  unsave(group: string): Promise<void>;
  revoke(what: Revoked, options: RevokeOptions): Promise<void>;
}

/** Waits between two questions to the worker, ms; the last one repeats. */
const pauses = [10, 20, 50, 100, 250] as const;
/** Questions to the worker at once. */
const abreast = 32;

/** Reads through the connection that the app shares. */
export class StoreReader implements ResultReader {
  readonly clock: Clock;
  readonly #connect: (signal?: AbortSignal) => Promise<Backend>;
  readonly #ttl: number;

  /** `ttl`: how long results are kept, ms. */
  constructor(clock: Clock, connect: (signal?: AbortSignal) => Promise<Backend>, ttl: number) {
    this.clock = clock;
    this.#connect = connect;
    this.#ttl = ttl;
  }

  async read(id: string): Promise<StoredOutcome | undefined> {
    return (await this.readMany([id]))[0];
  }

  async readMany(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]> {
    const backend = await this.#connect();
    return backend.store.get(ids);
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome, void, undefined> {
    const backend = await this.#connect(signal);
    yield* backend.store.watch(id, signal);
  }

  async forget(ids: readonly string[]): Promise<void> {
    const backend = await this.#connect();
    await backend.store.forget(ids);
  }

  async save(group: string, meta: Uint8Array, ttl: number | undefined): Promise<void> {
    await (await this.#joins()).save(group, meta, ttl ?? this.#ttl);
  }

  async saved(group: string): Promise<Uint8Array | undefined> {
    return (await this.#joins()).saved(group);
  }

  async unsave(group: string): Promise<void> {
    const backend = await this.#connect();
    await backend.store.joins?.unsave(group);
  }

  async revoke(what: Revoked, options: RevokeOptions): Promise<void> {
    await revokeIn(await this.#connect(), what, options, this.clock.now());
  }

  async #joins(): Promise<Joins> {
    const { joins } = (await this.#connect()).store;
    if (joins !== undefined) return joins;
    throw new CeleriacError(
      "NOT_SUPPORTED",
      "This result store keeps no groups: results that are sent to their asker are kept by nobody. Keep results in redis: or sqlite:.",
    );
  }
}

/** Reads by asking, from inside a running task. */
export class AskingReader implements ResultReader {
  readonly clock: Clock;
  readonly #ask: NonNullable<RunningTask["ask"]>;

  constructor(clock: Clock, ask: NonNullable<RunningTask["ask"]>) {
    this.clock = clock;
    this.#ask = ask;
  }

  async read(id: string): Promise<StoredOutcome | undefined> {
    const answer = (await this.#ask({ k: "get", id })) as AskedOutcome | null | undefined;
    return answer == null ? undefined : { id, state: answer.state, meta: new TextEncoder().encode(answer.meta) };
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome, void, undefined> {
    let last: string | undefined;
    for (let turn = 0; ; turn++) {
      signal.throwIfAborted();
      const answer = (await this.#ask({ k: "get", id })) as AskedOutcome | null | undefined;
      if (answer != null && answer.meta !== last) {
        last = answer.meta;
        yield { id, state: answer.state, meta: new TextEncoder().encode(answer.meta) };
        if (isFinal(answer.state)) return;
        turn = 0;
      }
      await this.clock.sleep(pauses[Math.min(turn, pauses.length - 1)] ?? 0, signal);
    }
  }

  async readMany(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]> {
    const found: (StoredOutcome | undefined)[] = [];
    for (let at = 0; at < ids.length; at += abreast) {
      found.push(...(await Promise.all(ids.slice(at, at + abreast).map((id) => this.read(id)))));
    }
    return found;
  }

  forget(ids: readonly string[]): Promise<void> {
    return Promise.reject(notInTasks("forget results", ids[0]));
  }

  save(group: string): Promise<void> {
    return Promise.reject(notInTasks("save groups", group));
  }

  saved(group: string): Promise<Uint8Array | undefined> {
    return Promise.reject(notInTasks("restore groups", group));
  }

  unsave(group: string): Promise<void> {
    return Promise.reject(notInTasks("forget groups", group));
  }

  revoke(what: Revoked): Promise<void> {
    return Promise.reject(notInTasks("revoke tasks", "ids" in what ? what.ids[0] : "them"));
  }
}

function notInTasks(what: string, id: string | undefined): CeleriacError {
  return new CeleriacError("NOT_SUPPORTED", `A task cannot ${what}; do it in the code that enqueued ${String(id)}.`);
}

/** What the worker answers to `{ k: "get" }`: the stored state with its meta as text; null if there is none. */
export interface AskedOutcome {
  readonly state: string;
  readonly meta: string;
}
