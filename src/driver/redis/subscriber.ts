/**
 * One connection for everything that listens: result watchers, events, control. Channels are subscribed when the first listener comes
 * and left when the last goes; after a reconnection all are subscribed again and everybody is told that something may be missing.
 */

import type { Millis } from "../../port/units.ts";
import type { RedisClient } from "./client.ts";
import type { Context } from "./context.ts";
import type { Link } from "./link.ts";

export interface Listener {
  readonly heard: (channel: string, message: Buffer) => void;
  /** The connection was away for a while. */
  readonly gap: () => void;
}

/** A silent connection is asked whether it lives: a black hole looks like peace. */
const heartbeat: Millis = 15_000;

export class Subscriber {
  readonly #context: Context;
  readonly #channels = new Map<string, Set<Listener>>();
  readonly #patterns = new Map<string, Set<Listener>>();
  #link: Link | undefined;
  #client: RedisClient | undefined;
  #heart: Disposable | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Resolves when the server has confirmed; what is published from then on is heard. Rejects when the signal aborts first. */
  async listen(
    kind: "channel" | "pattern",
    name: string,
    listener: Listener,
    signal: AbortSignal,
  ): Promise<() => void> {
    const table = kind === "channel" ? this.#channels : this.#patterns;
    const listeners = table.get(name) ?? new Set();
    table.set(name, listeners);
    listeners.add(listener);
    const leave = (): void => {
      if (!listeners.delete(listener) || listeners.size > 0 || table.get(name) !== listeners) return;
      table.delete(name);
      const client = this.#client;
      if (client === undefined) return;
      const left = kind === "channel" ? client.unsubscribe(name) : client.punsubscribe(name);
      left.catch(() => undefined);
    };
    try {
      const link = this.#open();
      await link.persist(async () => {
        await link.ready(signal);
        const client = this.#client;
        if (client === undefined) return;
        await (kind === "channel" ? client.subscribe(name) : client.psubscribe(name));
      }, signal);
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  close(): void {
    this.#heart?.[Symbol.dispose]();
    if (this.#link) this.#context.release(this.#link);
  }

  #open(): Link {
    if (this.#link) return this.#link;
    const link = this.#context.newLink();
    this.#link = link;
    let before = false;
    link.on(
      (client) => {
        this.#client = client;
        client.on("messageBuffer", (channel, message) => this.#tell(this.#channels, channel, channel, message));
        client.on("pmessageBuffer", (pattern, channel, message) =>
          this.#tell(this.#patterns, pattern, channel, message),
        );
        if (before) this.#again(client).catch(() => link.drop("it would not subscribe again"));
        before = true;
      },
      () => (this.#client = undefined),
    );
    this.#heart = this.#context.clock.every(heartbeat, () => {
      // `call` drops the connection when no answer comes.
      if (link.isUp) link.call("PING", []).catch(() => undefined);
    });
    link.start();
    return link;
  }

  async #again(client: RedisClient): Promise<void> {
    if (this.#channels.size > 0) await client.subscribe(...this.#channels.keys());
    if (this.#patterns.size > 0) await client.psubscribe(...this.#patterns.keys());
    const all = new Set([...this.#channels.values(), ...this.#patterns.values()].flatMap((one) => [...one]));
    for (const listener of all) listener.gap();
  }

  #tell(table: Map<string, Set<Listener>>, key: Buffer, channel: Buffer, message: Buffer): void {
    for (const listener of table.get(key.toString()) ?? []) listener.heard(channel.toString(), message);
  }
}
