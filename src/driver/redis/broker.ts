/** Redis as a broker, in kombu's layout: Python workers and ours share the same lists. */

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
import type { ResultStore } from "../../port/result-store.ts";
import type { Warning } from "../../port/units.ts";
import { RedisConsumer } from "./consumer.ts";
import type { Context } from "./context.ts";
import { RedisDeadLetters } from "./dead-letters.ts";
import { Publisher } from "./publisher.ts";
import { RedisQueueAdmin } from "./queue-admin.ts";

/** 100 years: scores are doubles, so the limit is only there to catch nonsense. */
const longestDelay = 100 * 365 * 86_400_000;

export class RedisBroker implements Broker {
  readonly features: BrokerFeatures;
  readonly queues: QueueAdmin;
  readonly dead: DeadLetters;
  readonly #context: Context;
  readonly #store: () => ResultStore;
  readonly #publisher: Publisher;
  readonly #consumers = new Set<RedisConsumer>();
  readonly #open: (signal: AbortSignal) => Promise<readonly Warning[]>;
  readonly #close: () => Promise<void>;

  constructor(
    context: Context,
    store: () => ResultStore,
    open: (signal: AbortSignal) => Promise<readonly Warning[]>,
    close: () => Promise<void>,
  ) {
    this.features = {
      dedupe: "publish",
      fence: "server",
      lease: "renewed",
      delay: { resolution: 1, max: longestDelay },
      priority: { first: "low", levels: context.keys.steps },
      settleWithResult: true,
      browse: "all",
      pause: "ours-only",
      deliveryLimit: false,
      counting: "broker",
      purgeDelayed: true,
      requeueFront: true,
      clock: "server",
      requeue: true,
      line: true,
      calls: true,
      fair: true,
    };
    this.#context = context;
    this.#store = store;
    this.#open = open;
    this.#close = close;
    this.#publisher = new Publisher(context);
    this.queues = new RedisQueueAdmin(context);
    this.dead = new RedisDeadLetters(context);
  }

  open(signal: AbortSignal): Promise<readonly Warning[]> {
    return this.#open(signal);
  }

  close(): Promise<void> {
    return this.#close();
  }

  joins(store: ResultStore): boolean {
    return store === this.#store();
  }

  publish(batch: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]> {
    return this.#publisher.publish(batch, signal);
  }

  async consume(options: ConsumeOptions, take: (batch: readonly Delivery[]) => void): Promise<Consumer> {
    for (const queue of options.queues) this.#context.keys.checkQueue(queue);
    const consumer = new RedisConsumer(this.#context, options, take);
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /** Gives back what is held; part of closing the backend. */
  async stopConsumers(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#consumers.clear();
  }
}
