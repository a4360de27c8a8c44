/**
 * Which queues are paused: each by an empty durable queue of that name on the server, so that it outlives every process. Whoever pauses
 * or resumes tells the consumers that run; they look for the marker themselves, and again after each reconnection.
 */

import type { Subscription } from "../../port/bus.ts";
import type { Outbound } from "./amqp/client.ts";
import type { Context } from "./context.ts";
import { isChannelError, replyCode } from "./failure.ts";
import { transient } from "./bus.ts";
import { Listening } from "./listening.ts";

const exchange = { name: "celeriac.pause", type: "fanout", durable: true } as const;

export class Pauses {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async pause(queue: string): Promise<void> {
    await this.#mark(queue, true);
  }

  async resume(queue: string): Promise<void> {
    await this.#mark(queue, false);
  }

  /** Those of them that are paused now. */
  async among(queues: readonly string[]): Promise<ReadonlySet<string>> {
    const paused = await Promise.all(
      queues.map(async (queue) => {
        try {
          await this.#context.ask((channel) => channel.declareQueue(marker(queue), { passive: true }));
          return [queue];
        } catch (error) {
          if (isChannelError(error, replyCode.notFound)) return [];
          throw error;
        }
      }),
    );
    return new Set(paused.flat());
  }

  /** `changed` is called when a queue was paused or resumed by anybody, and when that may have been missed. */
  async watch(changed: () => void): Promise<Subscription> {
    const queue = `celeriac.pause.${crypto.randomUUID()}`;
    const options = transient(this.#context.major, { "x-expires": 60_000, "x-message-ttl": 60_000 });
    return await Listening.open(this.#context, { queue, options, exchange }, changed, changed);
  }

  async #mark(queue: string, paused: boolean): Promise<void> {
    await this.#context.demand(async (channel) => {
      if (paused) await channel.declareQueue(marker(queue), { durable: true });
      else await channel.deleteQueue(marker(queue));
    });
    const { sending } = this.#context;
    // Who publishes may be held up by the server, and this connection with it; they look again by themselves, only later.
    if (sending.connection === undefined || sending.connection.blocked !== undefined) return;
    await sending
      .withChannel(async (channel) => {
        await channel.declareExchange(exchange.name, exchange.type, { durable: exchange.durable });
        await channel.publish({ exchange: exchange.name, routingKey: "", mandatory: false, ...notice(queue) });
      })
      .catch(() => undefined);
  }
}

function marker(queue: string): string {
  return `celeriac.paused.${queue}`;
}

function notice(queue: string): Pick<Outbound, "properties" | "body"> {
  return {
    properties: { contentType: "application/json", headers: {}, deliveryMode: 1 },
    body: new TextEncoder().encode(JSON.stringify({ queue })),
  };
}
