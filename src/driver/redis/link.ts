/**
 * One connection to the server that comes back by itself. A command is sent once; without an answer in time the connection is
 * dropped, so that a late reply can never be taken for another's, and the caller learns `unclear`. Whoever may repeat a call says so
 * with `persist`.
 *
 *   opening → up ⇄ down → closed
 */

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";
import type { Argument, ClientFactory, RedisClient } from "./client.ts";
import { connectFailure, failureOf, isPassing, LinkError, ServerRefusal } from "./failure.ts";
import { rest } from "./pulse.ts";

export interface LinkSettings {
  readonly clock: Clock;
  readonly make: ClientFactory;
  /** Longest wait for an answer, ms. */
  readonly timeout: Millis;
  /** The server, for messages. */
  readonly name: string;
}

export interface CallOptions {
  /** Strings as Buffers: for what may not be UTF-8. */
  readonly binary?: boolean;
  /** Instead of the link's own; for commands that block. */
  readonly timeout?: Millis;
}

/** First and longest wait before the next try to connect. Two seconds: a restarted server is back in use within them. */
const firstPause = 50;
const longestPause = 2000;

export class Link {
  readonly #settings: LinkSettings;
  readonly #closing = new AbortController();
  readonly #up = new Set<(client: RedisClient) => void>();
  readonly #down = new Set<(reason: string) => void>();
  readonly #waiting = new Set<() => void>();
  #client: RedisClient | undefined;
  #trying: RedisClient | undefined;
  #longestPause = longestPause;

  constructor(settings: LinkSettings) {
    this.#settings = settings;
  }

  get isUp(): boolean {
    return this.#client !== undefined;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * Tries to connect ten times a lease at least from now on, so that a server that is back for a moment between two outages is met in it: a lease
   * that was not renewed then ends though the server was in reach.
   */
  keepLease(lease: Millis): void {
    this.#longestPause = Math.min(this.#longestPause, lease / 10);
  }

  /** The first connection. Rejects with BACKEND_UNREACHABLE or BACKEND_REFUSED; later losses are healed silently. */
  async open(signal: AbortSignal): Promise<void> {
    try {
      this.#take(await this.#connect(AbortSignal.any([signal, this.#closing.signal])));
    } catch (error) {
      throw connectFailure(this.#settings.name, error);
    }
  }

  /** Connects in the background; for connections beside the first, which has shown that the server answers. */
  start(): void {
    this.#heal().catch(() => undefined);
  }

  /** `up` runs at once if the link is up. Returns how to end it. */
  on(up: (client: RedisClient) => void, down: (reason: string) => void): () => void {
    this.#up.add(up);
    this.#down.add(down);
    if (this.#client) up(this.#client);
    return () => {
      this.#up.delete(up);
      this.#down.delete(down);
    };
  }

  call(command: string, args: readonly Argument[], options: CallOptions = {}): Promise<unknown> {
    const ask = (client: RedisClient): Promise<unknown> =>
      options.binary === true ? client.callBuffer(command, args) : client.call(command, args);
    return this.#ask(ask, options.timeout ?? this.#settings.timeout);
  }

  /** `request`: the whole command as the server reads it, not to be changed before this has resolved, and never after it has rejected. */
  callWritten(command: string, request: Buffer): Promise<unknown> {
    return this.#ask((client) => client.callWritten(command, request), this.#settings.timeout);
  }

  async #ask(ask: (client: RedisClient) => Promise<unknown>, timeout: Millis): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw new LinkError("unsent", `not connected to ${this.#settings.name}`);
    let late = false;
    const timer = this.#settings.clock.after(timeout, () => {
      late = true;
      this.#drop(client, "no answer in time");
    });
    try {
      return await ask(client);
    } catch (error) {
      if (late) throw new LinkError("unclear", `no answer from ${this.#settings.name} in time`, { cause: error });
      const failure = failureOf(error);
      // A master that became a replica stays one: the next connection is to whoever is master now.
      if (failure instanceof ServerRefusal && failure.word === "READONLY") this.#drop(client, "it is a replica now");
      throw failure;
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** Repeats `run` while the server is away. `run` must be safe to repeat. Ends with the signal's reason. */
  async persist<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let either: AbortSignal | undefined;
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      signal.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      try {
        return await run();
      } catch (error) {
        if (!isPassing(error)) throw error;
        // Not before it is needed: it costs as much as the rest of a call.
        either ??= AbortSignal.any([signal, this.#closing.signal]);
        // A server that answered with a passing state, or lost one reply: wait. A link that is down: wait for it.
        if (this.isUp || error instanceof ServerRefusal) await rest(this.#settings.clock, jitter(pause), either);
        await this.ready(either);
      }
    }
  }

  /** Resolves when there is a connection. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#client) return;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    either.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const settle = (done: () => void): void => {
        this.#waiting.delete(up);
        either.removeEventListener("abort", end);
        done();
      };
      const up = (): void => settle(resolve);
      const end = (): void => settle(() => reject(either.reason as Error));
      this.#waiting.add(up);
      either.addEventListener("abort", end, { once: true });
    });
  }

  /** Ends this connection; the next is made at once. What is in flight ends as `unclear`. */
  drop(reason: string): void {
    if (this.#client) this.#drop(this.#client, reason);
  }

  close(): void {
    if (this.closed) return;
    this.#closing.abort(new CeleriacError("BACKEND_CLOSED", `the connection to ${this.#settings.name} was closed.`));
    this.#trying?.disconnect();
    this.#client?.disconnect();
    this.#client = undefined;
  }

  async #connect(signal: AbortSignal): Promise<RedisClient> {
    signal.throwIfAborted();
    const client = this.#settings.make();
    // `connect` rejects with "Connection is closed"; why is only told by the event.
    let why: Error | undefined;
    client.on("error", (error) => {
      why = error;
    });
    const stop = (): void => client.disconnect();
    signal.addEventListener("abort", stop, { once: true });
    // A stopped server completes the TCP handshake and then says nothing.
    let late = false;
    const timer = this.#settings.clock.after(this.#settings.timeout, () => {
      late = true;
      client.disconnect();
    });
    this.#trying = client;
    try {
      await client.connect();
      signal.throwIfAborted();
      return client;
    } catch (error) {
      client.disconnect();
      if (late) throw new Error(`no answer within ${this.#settings.timeout} ms`, { cause: error });
      throw why ?? error;
    } finally {
      this.#trying = undefined;
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", stop);
    }
  }

  #take(client: RedisClient): void {
    this.#client = client;
    client.on("close", () => this.#drop(client, "connection closed"));
    for (const up of this.#up) up(client);
    for (const wake of this.#waiting) wake();
  }

  #drop(client: RedisClient, reason: string): void {
    if (this.#client !== client) return;
    client.disconnect();
    this.#client = undefined;
    for (const down of this.#down) down(reason);
    if (!this.closed) this.#heal().catch(() => undefined);
  }

  async #heal(): Promise<void> {
    for (let pause = firstPause; !this.closed; pause = Math.min(pause * 2, this.#longestPause)) {
      try {
        this.#take(await this.#connect(this.#closing.signal));
        return;
      } catch {
        await rest(this.#settings.clock, jitter(pause), this.#closing.signal);
      }
    }
  }
}

/** ± 30 %, so that a thousand clients do not come back in one moment. */
function jitter(ms: Millis): Millis {
  return ms * (0.7 + Math.random() * 0.6);
}
