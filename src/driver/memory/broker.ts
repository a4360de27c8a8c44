/** The broker port over a server in this process. Every message goes through the wire's envelope, as it would elsewhere. */

import type { Clock } from "../../clock/clock.ts";
import type { BackendOptions } from "../../port/backend.ts";
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
import { MemoryConsumer } from "./consumer.ts";
import { levels } from "./held-message.ts";
import { MemoryQueueAdmin } from "./queue-admin.ts";
import { MemoryResultStore } from "./result-store.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

const features: BrokerFeatures = {
  dedupe: "publish",
  fence: "server",
  lease: "renewed",
  delay: { resolution: 1, max: Number.MAX_SAFE_INTEGER },
  priority: { first: "low", levels },
  settleWithResult: true,
  browse: "all",
  pause: "queue",
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

export class MemoryBroker implements Broker {
  readonly features: BrokerFeatures = features;
  readonly queues: QueueAdmin;
  readonly dead: DeadLetters;
  readonly #server: MemoryServer;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #limits: Pick<BackendOptions, "maxDepth" | "maxMessageBytes">;
  readonly #consumers = new Set<MemoryConsumer>();

  constructor(server: MemoryServer, session: Session, options: BackendOptions) {
    this.#server = server;
    this.#session = session;
    this.#clock = options.clock;
    this.#limits = options;
    this.queues = new MemoryQueueAdmin(server, session);
    const { messages } = server;
    this.dead = {
      async list(filter, after, limit) {
        session.ensureOpen();
        return messages.dead.list(filter, after, limit);
      },
      async redrive(keys) {
        session.ensureOpen();
        return keys.filter((key) => messages.redrive(key)).length;
      },
      async drop(keys) {
        session.ensureOpen();
        return keys.filter((key) => messages.dead.take(key) !== undefined).length;
      },
    };
  }

  async open(signal: AbortSignal): Promise<readonly Warning[]> {
    signal.throwIfAborted();
    this.#session.open();
    return [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#consumers.clear();
  }

  joins(store: ResultStore): boolean {
    return store instanceof MemoryResultStore && store.server === this.#server;
  }

  async publish(batch: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]> {
    this.#session.ensureOpen();
    signal.throwIfAborted();
    const { messages } = this.#server;
    const { maxDepth, maxMessageBytes } = this.#limits;
    // All are encoded before the first is sent: a batch with a message that cannot travel sends nothing.
    const encoded = batch.map((outgoing) => ({ message: messages.encode(outgoing), outgoing }));
    return encoded.map(({ message, outgoing }): Published => {
      if (message.size <= maxMessageBytes) return messages.publish(message, outgoing, maxDepth);
      const detail = `the message takes ${message.size} bytes, the limit is ${maxMessageBytes}`;
      return { kind: "refused", reason: "too-large", detail };
    });
  }

  async consume(options: ConsumeOptions, take: (batch: readonly Delivery[]) => void): Promise<Consumer> {
    this.#session.ensureOpen();
    const consumer = new MemoryConsumer(this.#server.messages, this.#session, this.#clock, options, take);
    this.#consumers.add(consumer);
    return consumer;
  }

  abandon(): void {
    for (const consumer of this.#consumers) consumer.abandon();
    this.#consumers.clear();
  }
}
