/**
 * One connection to the server that comes back by itself. What was in flight when it ended is nobody's to know: whoever may repeat a
 * call says so with `persist`.
 *
 *   opening → up ⇄ down → closed
 */

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";
import type { AmqpChannel, AmqpConnection } from "./amqp/client.ts";
import { isPassing, NotConnected } from "./failure.ts";

export interface LinkSettings {
  readonly clock: Clock;
  readonly connect: (signal: AbortSignal) => Promise<AmqpConnection>;
  /** The server, for messages. */
  readonly name: string;
}

/** First and longest wait before the next try. Two seconds: a restarted server is back in use within them. */
const firstPause = 50;
const longestPause = 2000;
/** Channels for one call each that are open at a time: a connection has 2047 of them, where the server does not allow less. */
const mostCalls = 32;

export class Link {
  readonly #settings: LinkSettings;
  readonly #closing = new AbortController();
  readonly #up = new Set<(connection: AmqpConnection) => void>();
  readonly #waiting = new Set<(connection: AmqpConnection) => void>();
  #connection: AmqpConnection | undefined;
  #started = false;
  #calls = 0;
  readonly #queued: (() => void)[] = [];

  constructor(settings: LinkSettings) {
    this.#settings = settings;
  }

  get connection(): AmqpConnection | undefined {
    return this.#connection;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The first connection. Rejects with what `connect` rejects with; later losses are healed silently. */
  async open(signal: AbortSignal): Promise<void> {
    this.#started = true;
    this.#take(await this.#settings.connect(AbortSignal.any([signal, this.closing])));
  }

  /** Connects in the background, once; for connections beside the first, which has shown that the server answers. */
  start(): void {
    if (this.#started || this.closing.aborted) return;
    this.#started = true;
    this.#heal().catch(() => undefined);
  }

  /** `up` runs at once if the link is up, and with each new connection. Returns how to end it. */
  onUp(up: (connection: AmqpConnection) => void): () => void {
    this.#up.add(up);
    if (this.#connection) up(this.#connection);
    return () => void this.#up.delete(up);
  }

  /** Runs with a channel of its own, which is closed afterwards; not within another call, or all could wait for each other. */
  async withChannel<T>(run: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    if (this.#calls < mostCalls) this.#calls += 1;
    else await new Promise<void>((resolve) => this.#queued.push(resolve));
    try {
      return await this.#withChannel(run);
    } finally {
      const next = this.#queued.shift();
      if (next === undefined) this.#calls -= 1;
      else next();
    }
  }

  async #withChannel<T>(run: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (connection === undefined) throw new NotConnected(`not connected to ${this.#settings.name}`);
    const channel = await connection.openChannel();
    try {
      return await run(channel);
    } finally {
      if (!channel.closed) await channel.close().catch(() => undefined);
    }
  }

  /** Repeats `run` while the server is away. `run` must be safe to repeat. Ends with the signal's reason. */
  async persist<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const either = AbortSignal.any([signal, this.closing]);
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      await this.ready(either);
      try {
        return await run();
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (this.#connection) await this.#settings.clock.sleep(jitter(pause), either);
      }
    }
  }

  /** Resolves when there is a connection. */
  async ready(signal: AbortSignal): Promise<AmqpConnection> {
    const either = AbortSignal.any([signal, this.closing]);
    either.throwIfAborted();
    if (this.#connection) return this.#connection;
    return await new Promise((resolve, reject) => {
      const up = (connection: AmqpConnection): void => {
        this.#waiting.delete(up);
        either.removeEventListener("abort", end);
        resolve(connection);
      };
      const end = (): void => {
        this.#waiting.delete(up);
        reject(either.reason as Error);
      };
      this.#waiting.add(up);
      either.addEventListener("abort", end, { once: true });
    });
  }

  /** Politely, so that what was written before has arrived; a server that is away is not waited for. */
  async close(): Promise<void> {
    if (this.closing.aborted) return;
    this.#closing.abort(new CeleriacError("BACKEND_CLOSED", `the connection to ${this.#settings.name} was closed.`));
    const connection = this.#connection;
    this.#connection = undefined;
    // A server with an alarm reads nothing from who publishes, a good-bye neither.
    if (connection?.blocked === undefined) await connection?.close().catch(() => undefined);
    else connection.destroy(new NotConnected("the connection was closed"));
  }

  #take(connection: AmqpConnection): void {
    if (this.closing.aborted) return connection.destroy(new NotConnected("the connection was closed"));
    this.#connection = connection;
    connection.on("closed", () => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      if (!this.closing.aborted) this.#heal().catch(() => undefined);
    });
    for (const up of this.#up) up(connection);
    for (const wake of this.#waiting) wake(connection);
  }

  async #heal(): Promise<void> {
    for (let pause = firstPause; !this.closing.aborted; pause = Math.min(pause * 2, longestPause)) {
      try {
        return this.#take(await this.#settings.connect(this.closing));
      } catch {
        await this.#settings.clock.sleep(jitter(pause), this.closing);
      }
    }
  }
}

/** ± 30 %, so that a thousand clients do not come back in one moment. */
function jitter(ms: Millis): Millis {
  return ms * (0.7 + Math.random() * 0.6);
}
