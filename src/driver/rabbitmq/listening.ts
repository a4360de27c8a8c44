/** A queue of one's own for what is broadcast or answered: made, bound and consumed anew on each connection, for it goes with its consumer. */

import type { Subscription } from "../../port/bus.ts";
import type { Message } from "../../wire/message.ts";
import type { AmqpChannel, AmqpConnection, AmqpDelivery, QueueOptions } from "./amqp/client.ts";
import { ChannelError } from "./amqp/client.ts";
import type { Context } from "./context.ts";
import { refusedBy } from "./failure.ts";
import { messageOf } from "./received.ts";

export interface Ear {
  readonly queue: string;
  readonly options: QueueOptions;
  /** Absent for the default exchange. */
  readonly exchange?: {
    readonly name: string;
    readonly type: "direct" | "topic" | "fanout";
    readonly durable: boolean;
  };
  readonly key?: string;
}

/** Before the next try on a connection that is up, ms. */
const pause = 200;

export class Listening implements Subscription {
  readonly #context: Context;
  readonly #ear: Ear;
  readonly #take: (message: Message, delivery: AmqpDelivery) => void;
  readonly #gap: () => void;
  readonly #closing = new AbortController();
  #unlink: (() => void) | undefined;
  #channel: AmqpChannel | undefined;
  #deaf: PromiseWithResolvers<void> | undefined;

  private constructor(
    context: Context,
    ear: Ear,
    take: (message: Message, delivery: AmqpDelivery) => void,
    gap: () => void,
  ) {
    this.#context = context;
    this.#ear = ear;
    this.#take = take;
    this.#gap = gap;
  }

  /** Resolves when the server has it all: what is sent from then on is heard. */
  static async open(
    context: Context,
    ear: Ear,
    take: (message: Message, delivery: AmqpDelivery) => void,
    gap: () => void,
  ): Promise<Listening> {
    context.ensureOpen();
    const listening = new Listening(context, ear, take, gap);
    await listening.#start();
    return listening;
  }

  /** While nothing is heard, as when the server was away: resolves when it is again, or when it is closed. */
  get deaf(): Promise<void> | undefined {
    if (this.#closing.signal.aborted || this.#channel?.closed === false) return undefined;
    return (this.#deaf ??= Promise.withResolvers<void>()).promise;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error("the subscription was closed"));
    this.#deaf?.resolve();
    this.#unlink?.();
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined || channel.closed) return;
    // Auto-delete takes the queue away with its last consumer; an exclusive one would wait for the connection's end.
    await channel.deleteQueue(this.#ear.queue).catch(() => undefined);
    if (!channel.closed) await channel.close().catch(() => undefined);
  }

  async #start(): Promise<void> {
    const { taking, clock, timeout } = this.#context;
    const limit = new AbortController();
    const timer = clock.after(timeout, () => limit.abort(this.#context.unreachable()));
    try {
      await taking.persist(() => this.#listen(), limit.signal);
    } catch (error) {
      throw error instanceof ChannelError ? refusedBy(this.#context.location, error) : error;
    } finally {
      timer[Symbol.dispose]();
    }
    let first = taking.connection;
    this.#unlink = taking.onUp((connection) => {
      if (connection === first) return;
      first = undefined;
      this.#again(connection).catch(() => undefined);
    });
  }

  async #listen(): Promise<void> {
    const { queue, options, exchange, key } = this.#ear;
    const connection = await this.#context.taking.ready(this.#closing.signal);
    const channel = await connection.openChannel();
    const steps: Promise<unknown>[] = [];
    if (exchange) steps.push(channel.declareExchange(exchange.name, exchange.type, { durable: exchange.durable }));
    steps.push(channel.declareQueue(queue, options));
    if (exchange) steps.push(channel.bindQueue(queue, exchange.name, key ?? ""));
    const lost = (): void => {
      if (this.#channel === channel) this.#channel = undefined;
      if (!connection.closed && !this.#closing.signal.aborted) this.#again(connection).catch(() => undefined);
    };
    steps.push(
      channel.consume(
        queue,
        { noAck: true },
        (delivery) => this.#heard(delivery),
        () => {
          // Its queue is gone; the next channel makes it again.
          channel.close().then(lost, lost);
        },
      ),
    );
    await Promise.all(steps);
    channel.on("closed", lost);
    this.#channel = channel;
    this.#deaf?.resolve();
    this.#deaf = undefined;
    if (this.#closing.signal.aborted) await channel.close();
  }

  /** Until it listens again, or the connection is gone too. */
  async #again(connection: AmqpConnection): Promise<void> {
    while (!connection.closed && !this.#closing.signal.aborted) {
      try {
        await this.#listen();
        contained(() => this.#gap());
        return;
      } catch {
        await this.#context.clock.sleep(pause, this.#closing.signal);
      }
    }
  }

  #heard(delivery: AmqpDelivery): void {
    const message = messageOf(delivery);
    if (!("malformed" in message)) contained(() => this.#take(message, delivery));
  }
}

/** A listener's own fault is no reason to stop hearing. */
function contained(run: () => void): void {
  try {
    run();
  } catch {
    // It had its chance; the next message comes all the same.
  }
}
