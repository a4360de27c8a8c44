/** Results under Celery's keys: SET with a time to live, then PUBLISH on a channel of the key's name, as Python's clients wait for it. */

import type { Joins } from "../../port/joins.ts";
import type { Ledger } from "../../port/ledger.ts";
import type { Checkpoints, ResultStore, ResultWrite, StoredOutcome } from "../../port/result-store.ts";
import type { Fence, Millis, Warning } from "../../port/units.ts";
import { isFinal } from "../../wire/outcome.ts";
import type { Context } from "./context.ts";
import { RedisJoins } from "./joins.ts";
import { RedisLedger } from "./ledger.ts";
import { outcomeOf } from "./result-meta.ts";
import { checkpointScript, commitScript, forgetScript } from "./script/store.ts";
import type { Subscriber } from "./subscriber.ts";

/** Writes in one script call. */
const mostWrites = 200;
/** Ids in one MGET: as many large results as a reader can want at once. */
const mostReads = 500;

type Committed = "stored" | "mine-already" | "already-final" | "fenced";
const letters: Readonly<Record<string, Committed>> = {
  S: "stored",
  M: "mine-already",
  F: "already-final",
  X: "fenced",
};

export class RedisResultStore implements ResultStore {
  readonly features = { manyReaders: true, watch: true } as const;
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  readonly joins: Joins;
  readonly #context: Context;
  readonly #subscriber: Subscriber;
  readonly #open: (signal: AbortSignal) => Promise<readonly Warning[]>;
  readonly #close: () => Promise<void>;

  constructor(
    context: Context,
    subscriber: Subscriber,
    open: (signal: AbortSignal) => Promise<readonly Warning[]>,
    close: () => Promise<void>,
  ) {
    this.#context = context;
    this.#subscriber = subscriber;
    this.#open = open;
    this.#close = close;
    this.checkpoints = new RedisCheckpoints(context);
    this.ledger = new RedisLedger(context);
    this.joins = new RedisJoins(context);
  }

  open(signal: AbortSignal): Promise<readonly Warning[]> {
    return this.#open(signal);
  }

  close(): Promise<void> {
    return this.#close();
  }

  async commit(batch: readonly ResultWrite[]): Promise<readonly Committed[]> {
    const calls: Promise<string>[] = [];
    for (let at = 0; at < batch.length; at += mostWrites) calls.push(this.#commit(batch.slice(at, at + mostWrites)));
    const answers = (await Promise.all(calls)).join("");
    return batch.map((_, index) => letters[answers[index] ?? ""] ?? "already-final");
  }

  #commit(batch: readonly ResultWrite[]): Promise<string> {
    const { keys } = this.#context;
    const names = [keys.unacked];
    const args: (string | Buffer)[] = [];
    for (const write of batch) {
      names.push(keys.meta(write.id), keys.checkpoints(write.id));
      args.push(
        Buffer.from(write.meta.buffer, write.meta.byteOffset, write.meta.byteLength),
        write.ttl === undefined ? "0" : String(Math.max(1, Math.round(write.ttl))),
        write.final ? "1" : "0",
        String(write.fence),
      );
    }
    return this.#context.ask(async () => String(await this.#context.run(commitScript, names, args)));
  }

  async get(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]> {
    const found: (StoredOutcome | undefined)[] = [];
    for (let at = 0; at < ids.length; at += mostReads) {
      const slice = ids.slice(at, at + mostReads);
      const names = slice.map((id) => this.#context.keys.meta(id));
      const metas = (await this.#context.command("MGET", names, { binary: true })) as (Buffer | null)[];
      slice.forEach((id, index) => {
        const meta = metas[index];
        found.push(meta === null || meta === undefined ? undefined : outcomeOf(id, meta));
      });
    }
    return found;
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<StoredOutcome> {
    const { closing } = this.#context;
    const either = AbortSignal.any([signal, closing]);
    const pending: StoredOutcome[] = [];
    let wake: (() => void) | undefined;
    let read = true;
    const poke = (): void => wake?.();
    // Subscribed first, read second: what is stored in between is heard, what was stored before is read.
    const leave = await this.#subscriber.listen(
      "channel",
      this.#context.keys.meta(id),
      {
        heard: (_, message) => {
          pending.push(outcomeOf(id, message));
          poke();
        },
        gap: () => {
          read = true;
          poke();
        },
      },
      either,
    );
    either.addEventListener("abort", poke);
    try {
      let last: Buffer | undefined;
      for (;;) {
        either.throwIfAborted();
        if (read) {
          read = false;
          const [present] = await this.get([id]);
          if (present) pending.unshift(present);
        }
        for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
          const meta = Buffer.from(next.meta);
          if (last?.equals(meta)) continue;
          last = meta;
          yield next;
          if (isFinal(next.state)) return;
        }
        if (read || either.aborted) continue;
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
    } finally {
      either.removeEventListener("abort", poke);
      leave();
    }
  }

  async forget(ids: readonly string[]): Promise<void> {
    const { keys } = this.#context;
    for (let at = 0; at < ids.length; at += mostWrites) {
      const names = ids.slice(at, at + mostWrites).flatMap((id) => [keys.meta(id), keys.checkpoints(id)]);
      await this.#context.ask(() => this.#context.run(forgetScript, [keys.unacked, ...names], []));
    }
  }
}

/** Fields begin with `=`; `#` holds the highest fence. */
class RedisCheckpoints implements Checkpoints {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async read(id: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const key = this.#context.keys.checkpoints(id);
    const flat = (await this.#context.command("HGETALL", [key], { binary: true })) as Buffer[];
    const points = new Map<string, Uint8Array>();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const name = flat[i]?.toString() ?? "";
      const value = flat[i + 1];
      if (name.startsWith("=") && value) points.set(name.slice(1), value);
    }
    return points;
  }

  async write(id: string, fence: Fence, name: string, value: Uint8Array, ttl: Millis): Promise<"stored" | "fenced"> {
    const { keys } = this.#context;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const args = [String(fence), name, bytes, String(Math.max(1, Math.round(ttl)))];
    const stored = await this.#context.ask(() =>
      this.#context.run(checkpointScript, [keys.unacked, keys.checkpoints(id)], args),
    );
    return stored === 1 ? "stored" : "fenced";
  }
}
