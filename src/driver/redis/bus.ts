/** Broadcast over Redis pub/sub, on the channels and reply lists of kombu, so that Celery's monitors and Flower hear us and we them. */

import type { Bus, Channel, Subscription } from "../../port/bus.ts";
import type { Millis } from "../../port/units.ts";
import { decodeEnvelope, encodeEnvelope } from "../../wire/envelope.ts";
import type { Message } from "../../wire/message.ts";
import type { Context } from "./context.ts";
import { contained, readList } from "./list-reader.ts";
import type { Subscriber } from "./subscriber.ts";
import { WrittenPublishes } from "./written-publish.ts";

const eventExchange = "celeryev";
const replyExchange = "reply.celery.pidbox";
/** A known audience is trusted for so long. */
const audienceLife: Millis = 4000;
/** Replies that nobody fetches are gone after this; a crashed asker leaves its list behind. */
const replyLife: Millis = 60_000;

/** Bytes of a body: with fewer the client's own way is as good. */
const writtenFrom = 4 * 1024;

interface Audience {
  readonly present: boolean | "unknown";
  readonly at: number;
}

export class RedisBus implements Bus {
  readonly #context: Context;
  readonly #subscriber: Subscriber;
  readonly #audiences = new Map<string, Audience>();
  readonly #asking = new Set<string>();
  readonly #written: WrittenPublishes;

  constructor(context: Context, subscriber: Subscriber) {
    this.#context = context;
    this.#subscriber = subscriber;
    this.#written = new WrittenPublishes(() => context.link);
  }

  /** Lossy: a server that is away, or full, loses the message and nobody waits for it. */
  async publish(channel: Channel, message: Message): Promise<void> {
    const { link, keys } = this.#context;
    const tag = crypto.randomUUID();
    try {
      if (channel.kind === "reply") {
        const list = keys.replyList(channel.to);
        // Only into an inbox that still exists: reply lists have no owner to empty them.
        const bound = await link.call("SISMEMBER", [
          keys.binding(replyExchange),
          keys.bound(channel.to, `${channel.to}.${replyExchange}`),
        ]);
        if (bound !== 1) return;
        await link.call("LPUSH", [list, encodeEnvelope(message, `${channel.to}.${replyExchange}`, tag)]);
        await link.call("PEXPIRE", [list, String(replyLife)]);
        return;
      }
      const name = this.#channelOf(channel);
      const routed = channel.kind === "event" ? channel.type : "";
      const heard =
        message.body.byteLength < writtenFrom
          ? await link.call("PUBLISH", [name, encodeEnvelope(message, routed, tag, true)])
          : await this.#written.publish(name, message, routed, tag);
      const present = Number(heard) > 0;
      // Whoever hears this may hear the rest too, by a pattern: what was known of those is known no more.
      if (present && channel.kind === "event" && this.#audiences.get(name)?.present !== true) this.#audiences.clear();
      this.#audiences.set(name, { present, at: this.#context.clock.monotonic() });
    } catch (error) {
      if (this.#context.closing.aborted) throw error;
    }
  }

  async listen(
    channel: Channel,
    take: (channel: Channel, message: Message) => void,
    gap: (missed: number | undefined) => void,
  ): Promise<Subscription> {
    if (channel.kind === "reply") return await this.#read(channel.to, (message) => take(channel, message));
    const pattern = channel.kind === "event" && /[#*]/.test(channel.type);
    const prefix = channel.kind === "event" ? this.#context.keys.channel(eventExchange, "") : "";
    const name = pattern
      ? globbed(prefix) + globbed(channel.type).replaceAll(/#|\\\*/g, "*")
      : this.#channelOf(channel);
    const leave = await this.#subscriber.listen(
      pattern ? "pattern" : "channel",
      name,
      {
        heard: (from, bytes) => {
          const message = decodeEnvelope(bytes);
          if ("malformed" in message) return;
          const exact: Channel =
            channel.kind === "event" ? { kind: "event", type: from.slice(prefix.length) } : channel;
          contained(() => take(exact, message));
        },
        gap: () => contained(() => gap(undefined)),
      },
      this.#context.closing,
    );
    // There is somebody now. Of one channel alone: each worker listens to some, and is no audience of all others.
    if (pattern) this.#audiences.clear();
    else this.#audiences.delete(name);
    return { close: () => Promise.resolve(leave()) };
  }

  async inbox(take: (message: Message) => void): Promise<Subscription & { readonly to: string }> {
    const to = crypto.randomUUID();
    const { keys } = this.#context;
    const member = keys.bound(to, `${to}.${replyExchange}`);
    await this.#context.command("SADD", [keys.binding(replyExchange), member]);
    const fetching = await this.#read(to, take);
    let closed = false;
    return {
      to,
      close: async () => {
        if (closed) return;
        closed = true;
        await fetching.close();
        await this.#context.command("SREM", [keys.binding(replyExchange), member]).catch(() => undefined);
        await this.#context.command("DEL", [keys.replyList(to)]).catch(() => undefined);
      },
    };
  }

  audience(channel: Channel): boolean | "unknown" {
    if (channel.kind === "reply") return "unknown";
    const name = this.#channelOf(channel);
    const known = this.#audiences.get(name);
    if (known !== undefined && this.#context.clock.monotonic() - known.at < audienceLife) return known.present;
    this.#askAudience(name).catch(() => undefined);
    return known?.present ?? "unknown";
  }

  unheard(channel: Channel): boolean {
    return channel.kind !== "reply" && this.#audiences.get(this.#channelOf(channel))?.present === false;
  }

  async #askAudience(name: string): Promise<void> {
    if (this.#asking.has(name)) return;
    this.#asking.add(name);
    try {
      const { link } = this.#context;
      const [exact, patterns] = await Promise.all([
        link.call("PUBSUB", ["NUMSUB", name]) as Promise<[string, number]>,
        link.call("PUBSUB", ["NUMPAT"]) as Promise<number>,
      ]);
      // Redis tells how many patterns there are, not which.
      const present = exact[1] > 0 ? true : patterns > 0 ? "unknown" : false;
      if (this.#audiences.size > 1000) this.#audiences.clear();
      this.#audiences.set(name, { present, at: this.#context.clock.monotonic() });
    } finally {
      this.#asking.delete(name);
    }
  }

  #read(to: string, take: (message: Message) => void): Promise<Subscription> {
    return readList(this.#context, this.#context.keys.replyList(to), take);
  }

  #channelOf(channel: Exclude<Channel, { kind: "reply" }>): string {
    return channel.kind === "event"
      ? this.#context.keys.channel(eventExchange, channel.type)
      : this.#context.keys.channel(`${channel.namespace}.pidbox`);
  }
}

/** Redis reads these in patterns. */
function globbed(text: string): string {
  return text.replaceAll(/[\\*?[\]^]/g, (character) => `\\${character}`);
}
