/** How results are read: from the store, or, inside a pool child, by asking the worker, which alone holds the connection. */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import type { RunningTask } from "../task/running.ts";
import { isFinal } from "../wire/outcome.ts";

export interface ResultReader {
  readonly clock: Clock;
  read(id: string): Promise<StoredOutcome | undefined>;
  /** The present state first, then each change; ends after the final one. Rejects when the signal aborts. */
  watch(id: string, signal: AbortSignal): AsyncIterable<StoredOutcome>;
  forget(id: string): Promise<void>;
}

/** Waits between two questions to the worker, ms; the last one repeats. */
const pauses = [10, 20, 50, 100, 250] as const;

/** Reads through the connection that the app shares. */
export class StoreReader implements ResultReader {
  readonly clock: Clock;
  readonly #connect: (signal?: AbortSignal) => Promise<Backend>;

  constructor(clock: Clock, connect: (signal?: AbortSignal) => Promise<Backend>) {
    this.clock = clock;
    this.#connect = connect;
  }

  async read(id: string): Promise<StoredOutcome | undefined> {
    const backend = await this.#connect();
    return (await backend.store.get([id]))[0];
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome, void, undefined> {
    const backend = await this.#connect(signal);
    yield* backend.store.watch(id, signal);
  }

  async forget(id: string): Promise<void> {
    const backend = await this.#connect();
    await backend.store.forget([id]);
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

  forget(id: string): Promise<void> {
    return Promise.reject(
      new CeleriacError("NOT_SUPPORTED", `A task cannot forget results; do it in the code that enqueued ${id}.`),
    );
  }
}

/** What the worker answers to `{ k: "get" }`: the stored state with its meta as text; null if there is none. */
export interface AskedOutcome {
  readonly state: string;
  readonly meta: string;
}
