/** Broadcast over Celery's own exchanges, so that its monitors and Flower hear us and we them. */

import type { Bus, Channel, Subscription } from "../../port/bus.ts";
import type { Millis } from "../../port/units.ts";
import type { Message } from "../../wire/message.ts";
import type { AmqpChannel, AmqpConnection, QueueOptions } from "./amqp/client.ts";
import type { Context } from "./context.ts";
import { Listening, type Ear } from "./listening.ts";

const eventExchange = { name: "celeryev", type: "topic", durable: true } as const;
const replyExchange = { name: "reply.celery.pidbox", type: "direct", durable: false } as const;

/** What became of an event tells whether anybody listens; for so long. */
const audienceLife: Millis = 4_000;

export class RabbitBus implements Bus {
  readonly #context: Context;
  readonly #declared = new Set<string>();
  readonly #audiences = new Map<string, { readonly present: boolean; readonly at: number }>();
  #channel: { readonly connection: AmqpConnection; readonly opening: Promise<AmqpChannel> } | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Lossy: a server that is away, or takes no publishes, loses the message and nobody waits for it. */
  async publish(channel: Channel, message: Message): Promise<void> {
    this.#context.ensureOpen();
    const { sending, packer } = this.#context;
    const { connection } = sending;
    if (connection === undefined || connection.blocked !== undefined) return;
    const exchange = exchangeOf(channel);
    const routingKey = channel.kind === "event" ? channel.type : channel.kind === "reply" ? channel.to : "";
    const { properties, body } = packer.packReply(routingKey, message);
    const opening = this.#open(connection);
    try {
      const open = await opening;
      if (!this.#declared.has(exchange.name)) {
        await open.declareExchange(exchange.name, exchange.type, { durable: exchange.durable });
        this.#declared.add(exchange.name);
      }
      // Celery's control messages are persistent, its events and replies are not.
      const deliveryMode = channel.kind === "control" ? 2 : 1;
      const told = await open.publish({
        exchange: exchange.name,
        routingKey,
        // Sent back where no queue is bound: there is no other way to learn that nobody listens.
        mandatory: channel.kind === "event",
        properties: { ...properties, deliveryMode },
        body,
      });
      if (channel.kind === "event") this.#learn(channel.type, told.kind !== "returned");
    } catch {
      // A message that cannot be written is no fault of its channel.
      if ((await opening.catch(() => undefined))?.closed !== false && this.#channel?.opening === opening)
        this.#channel = undefined;
      if (this.#context.closing.aborted) throw this.#context.closedError();
    }
  }

  async listen(
    channel: Channel,
    take: (channel: Channel, message: Message) => void,
    gap: (missed: number | undefined) => void,
  ): Promise<Subscription> {
    const ear = this.#earOf(channel);
    return await Listening.open(
      this.#context,
      ear,
      (message, { routingKey }) =>
        take(channel.kind === "event" ? { kind: "event", type: routingKey } : channel, message),
      () => gap(undefined),
    );
  }

  async inbox(take: (message: Message) => void): Promise<Subscription & { readonly to: string }> {
    const to = crypto.randomUUID();
    // An answer that was lost with the connection is one that comes too late: whoever waits for it has a time-out.
    const listening = await this.listen(
      { kind: "reply", to },
      (_, message) => take(message),
      () => undefined,
    );
    return { to, close: () => listening.close() };
  }

  /** As the last event of that type told. */
  audience(channel: Channel): boolean | "unknown" {
    const known = channel.kind === "event" ? this.#audiences.get(channel.type) : undefined;
    const fresh = known !== undefined && this.#context.clock.monotonic() - known.at < audienceLife;
    return fresh ? known.present : "unknown";
  }

  #learn(type: string, present: boolean): void {
    if (this.#audiences.size > 1_000) this.#audiences.clear();
    this.#audiences.set(type, { present, at: this.#context.clock.monotonic() });
  }

  #earOf(channel: Channel): Ear {
    const exchange = exchangeOf(channel);
    const expiring = (expires: number, ttl: number): QueueOptions =>
      transient(this.#context.major, { "x-expires": expires, "x-message-ttl": ttl });
    const own = crypto.randomUUID();
    switch (channel.kind) {
      case "event":
        return { queue: `celeryev.${own}`, options: expiring(60_000, 5_000), exchange, key: channel.type };
      case "control":
        return { queue: `${own}.${exchange.name}`, options: expiring(10_000, 300_000), exchange, key: "" };
      case "reply":
        return {
          queue: `${channel.to}.${exchange.name}`,
          options: expiring(10_000, 300_000),
          exchange,
          key: channel.to,
        };
    }
  }

  #open(connection: AmqpConnection): Promise<AmqpChannel> {
    if (this.#channel?.connection !== connection) {
      this.#declared.clear();
      this.#channel = { connection, opening: confirming(connection) };
    }
    return this.#channel.opening;
  }
}

/** Without confirms nothing that is sent back belongs to anything. */
async function confirming(connection: AmqpConnection): Promise<AmqpChannel> {
  const channel = await connection.openChannel();
  await channel.confirmSelect();
  return channel;
}

/** A queue that goes with its consumer. From RabbitMQ 4 on it must be exclusive as well; before, Celery's are not. */
export function transient(major: number, args: Readonly<Record<string, number>>): QueueOptions {
  return { autoDelete: true, exclusive: major >= 4, arguments: args };
}

function exchangeOf(channel: Channel): NonNullable<Ear["exchange"]> {
  if (channel.kind === "event") return eventExchange;
  if (channel.kind === "reply") return replyExchange;
  return { name: `${channel.namespace}.pidbox`, type: "fanout", durable: false };
}
