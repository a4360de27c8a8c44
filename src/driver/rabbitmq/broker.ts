/** RabbitMQ as a broker, with Celery's queues and its way to delay: Python workers and ours share them. */

import type {
  Broker,
  BrokerFeatures,
  ConsumeOptions,
  Consumer,
  Delivery,
  Outgoing,
  Published,
} from "../../port/broker.ts";
import type { DeadLetters, QueueAdmin } from "../../port/queue-admin.ts";
import type { Millis, Warning } from "../../port/units.ts";
import { fairKeyOf } from "../../wire/fair.ts";
import { checkQueueName } from "../../wire/name.ts";
import { RabbitConsumer, type ConsumerParts } from "./consumer.ts";
import type { Context } from "./context.ts";
import { RabbitDeadLetters } from "./dead-letters.ts";
import { Declarations } from "./declarations.ts";
import { longestDelay } from "./delay.ts";
import { isChannelError, replyCode } from "./failure.ts";
import type { Parcel } from "./parcel.ts";
import { Pauses } from "./pauses.ts";
import type { Publisher } from "./publisher.ts";
import { RabbitQueueAdmin } from "./queue-admin.ts";
import { Settler } from "./settler.ts";

/** Its queues can neither look for a message nor change one, and a message and a row of the store are no one step. */
const noCalls: Published = {
  kind: "refused",
  reason: "unsupported",
  detail: "RabbitMQ cannot look into its queues for another call with this key",
};

export class RabbitBroker implements Broker {
  readonly features: BrokerFeatures;
  /** How long the server lets a delivery go unacknowledged; longer runs need a ledger to keep their message. */
  readonly consumerTimeout: Millis;
  readonly queues: QueueAdmin;
  readonly dead: DeadLetters;
  readonly #context: Context;
  readonly #publisher: Publisher;
  readonly #parts: ConsumerParts;
  readonly #consumers = new Set<RabbitConsumer>();
  readonly #open: (signal: AbortSignal) => Promise<readonly Warning[]>;
  readonly #close: () => Promise<void>;

  constructor(
    context: Context,
    publisher: Publisher,
    open: (signal: AbortSignal) => Promise<readonly Warning[]>,
    close: () => Promise<void>,
  ) {
    const { location } = context;
    const pauses = new Pauses(context);
    const declarations = new Declarations(() => context.taking, location);
    this.features = featuresOf(location.queueType === "quorum", location.maxPriority);
    this.consumerTimeout = location.consumerTimeout;
    this.#context = context;
    this.#publisher = publisher;
    this.#parts = { declarations, pauses, settler: new Settler(context, publisher, declarations) };
    this.#open = open;
    this.#close = close;
    this.queues = new RabbitQueueAdmin(context, pauses);
    this.dead = new RabbitDeadLetters(context, publisher);
  }

  get scope(): string {
    return this.#context.scope;
  }

  open(signal: AbortSignal): Promise<readonly Warning[]> {
    return this.#open(signal);
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** It keeps no results. */
  joins(): boolean {
    return false;
  }

  async publish(batch: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]> {
    signal.throwIfAborted();
    this.#context.ensureOpen();
    const { maxMessageBytes, maxDepth } = this.#context.options;
    // All are made ready before the first is sent: a batch with a message that cannot travel sends nothing.
    const parcels = batch.map((outgoing) => this.#context.packer.pack(outgoing));
    const room = maxDepth === 0 ? undefined : await this.#roomIn(new Set(parcels.map(({ queue }) => queue)));
    const sent: Parcel[] = [];
    const answers = parcels.map((parcel, index): Published | undefined => {
      const { queue, size } = parcel;
      if (batch[index]?.call !== undefined) return noCalls;
      if (fairKeyOf(batch[index]?.message.headers ?? {}) !== undefined)
        return {
          kind: "refused",
          reason: "unsupported",
          detail: "a queue of RabbitMQ has one order, in which keys take no turns",
        };
      if (size > maxMessageBytes)
        return { kind: "refused", reason: "too-large", detail: `${size} bytes, the limit is ${maxMessageBytes}` };
      const left = room?.get(queue) ?? 1;
      if (left <= 0)
        return { kind: "refused", reason: "full", detail: `queue ${queue} has ${maxDepth} ready messages` };
      room?.set(queue, left - 1);
      this.#context.use(queue);
      sent.push(parcel);
      return undefined;
    });
    if (sent.length === 0) return answers.filter((answer) => answer !== undefined);
    const confirmed = (await this.#publisher.send(sent, signal, "refuse")).values();
    return answers.map((answer) => answer ?? (confirmed.next().value as Published));
  }

  async consume(options: ConsumeOptions, take: (batch: readonly Delivery[]) => void): Promise<Consumer> {
    for (const queue of options.queues) checkQueueName(queue);
    this.#context.ensureOpen();
    const consumer = new RabbitConsumer(this.#context, this.#parts, options, take);
    for (const each of this.#consumers) if (each.isStopped) this.#consumers.delete(each);
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /** Gives back what is held; part of closing the backend. */
  async stopConsumers(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#consumers.clear();
  }

  /** How many more each may take. What others send at the same moment is not seen: the limit is approximate. */
  async #roomIn(queues: ReadonlySet<string>): Promise<Map<string, number>> {
    const { maxDepth } = this.#context.options;
    const counts = [...queues].map(async (queue): Promise<[string, number]> => {
      try {
        const { messages } = await this.#context.ask((channel) => channel.declareQueue(queue, { passive: true }));
        return [queue, maxDepth - messages];
      } catch (error) {
        if (isChannelError(error, replyCode.notFound)) return [queue, maxDepth];
        throw error;
      }
    });
    return new Map(await Promise.all(counts));
  }
}

function featuresOf(quorum: boolean, maxPriority: number | undefined): BrokerFeatures {
  return {
    dedupe: "none",
    fence: quorum ? "delivery-count" : "none",
    lease: "connection",
    delay: { resolution: 1000, max: longestDelay },
    priority:
      maxPriority === undefined
        ? undefined
        : { first: "high", levels: Array.from({ length: maxPriority + 1 }, (_, level) => level) },
    settleWithResult: false,
    browse: "none",
    pause: "ours-only",
    deliveryLimit: quorum,
    counting: "ledger",
    purgeDelayed: false,
    requeueFront: !quorum,
    clock: "worker",
    requeue: false,
    line: false,
    calls: false,
    fair: false,
  };
}
