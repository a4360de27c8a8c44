/** The queue file as a broker: publishes in batches, consumes through the driver's thread, settles with results in one step. */

import type {
  Broker,
  BrokerFeatures,
  Consumer,
  ConsumeOptions,
  Delivery,
  Outgoing,
  Published,
} from "../../port/broker.ts";
import type { DeadLetters, QueueAdmin } from "../../port/queue-admin.ts";
import type { ResultStore } from "../../port/result-store.ts";
import type { Warning } from "../../port/units.ts";
import { encodeHead } from "../../wire/envelope.ts";
import { deadLetters, queueAdmin } from "./admin.ts";
import { SqliteConsumer } from "./consumer.ts";
import { deliveriesOf } from "./delivery.ts";
import { published } from "./exchange.ts";
import type { PublishAnswer } from "./exchange.ts";
import type { Link, NoticeOf } from "./link.ts";

/** Messages of one transaction; more are sent as several calls. */
const rowLimit = 500;
const byteLimit = 4 * 1024 * 1024;
const accepted: Published = { kind: "accepted" };
const duplicate: Published = { kind: "duplicate" };

export interface PublishLimits {
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
  readonly maxSize: number;
}

interface Ready {
  readonly outgoing: Outgoing;
  readonly head: string;
}

export class SqliteBroker implements Broker {
  readonly features: BrokerFeatures = {
    dedupe: "publish",
    fence: "server",
    lease: "renewed",
    delay: { resolution: 1, max: 100 * 365 * 86_400_000 },
    priority: { first: "low", levels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
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
  readonly queues: QueueAdmin;
  readonly dead: DeadLetters;
  readonly #link: Link;
  readonly #limits: PublishLimits;
  readonly #store: ResultStore;
  readonly #consumers = new Map<number, SqliteConsumer>();

  constructor(link: Link, store: ResultStore, limits: PublishLimits) {
    this.#link = link;
    this.#store = store;
    this.#limits = limits;
    this.queues = queueAdmin(link);
    this.dead = deadLetters(link);
  }

  async open(signal: AbortSignal): Promise<readonly Warning[]> {
    signal.throwIfAborted();
    return this.#link.open();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  joins(store: ResultStore): boolean {
    return store === this.#store;
  }

  async publish(batch: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]> {
    signal.throwIfAborted();
    const answers: Published[] = [];
    const ready: Ready[] = [];
    const places: number[] = [];
    for (const [index, outgoing] of batch.entries()) {
      const head = encodeHead(outgoing.message);
      const size = head.length + outgoing.message.body.length;
      if (size > this.#limits.maxMessageBytes) {
        const detail = `the message has ${size} bytes, ${this.#limits.maxMessageBytes} are allowed`;
        answers[index] = { kind: "refused", reason: "too-large", detail };
      } else {
        places.push(index);
        ready.push({ outgoing, head });
      }
    }
    const all = pieces(ready);
    const [first = []] = all;
    const sending =
      all.length > 1
        ? Promise.all(all.map((piece) => this.#send(piece))).then((lists) => lists.flat())
        : this.#send(first);
    const given = await abortable(sending, signal);
    if (ready.length === batch.length) return given;
    for (const [index, answer] of given.entries()) answers[places[index] ?? index] = answer;
    return answers;
  }

  async consume(options: ConsumeOptions, take: (batch: readonly Delivery[]) => void): Promise<Consumer> {
    const { queues, worker, lease, sweep, maxClaimBytes, stallLimit, userCodeHere } = options;
    const release = this.#link.hold();
    try {
      const no = await this.#link.ask("consume", { queues, worker, lease, sweep, maxClaimBytes, stallLimit });
      const consumer = new SqliteConsumer(no, this.#link, userCodeHere, take, () => {
        this.#consumers.delete(no);
        release();
      });
      this.#consumers.set(no, consumer);
      return consumer;
    } catch (error) {
      release();
      throw error;
    }
  }

  claimed({ claimed }: NoticeOf<"claimed">): void {
    this.#consumers.get(claimed.consumer)?.deliver(deliveriesOf(claimed));
  }

  lost({ consumer, held, why }: NoticeOf<"lost">): void {
    this.#consumers.get(consumer)?.lose(held, why);
  }

  event({ event, detail }: NoticeOf<"event">): void {
    for (const consumer of this.#consumers.values()) consumer.tell(event, detail);
  }

  ended(error: Error): void {
    for (const consumer of this.#consumers.values()) consumer.break(error.message);
  }

  async #send(piece: readonly Ready[]): Promise<readonly Published[]> {
    if (piece.length === 0) return [];
    const answer = await this.#link.call<PublishAnswer>((parcel, call) => {
      const from = parcel.sentCount;
      for (const { outgoing, head } of piece) parcel.addOutgoing(outgoing, head);
      return { k: "publish", call, from, count: piece.length };
    });
    return piece.map(({ outgoing }, index) => {
      const one = typeof answer === "number" ? answer : answer[index];
      if (typeof one === "object") return one;
      if (one === published.accepted) return accepted;
      return one === published.duplicate ? duplicate : refusedFull(outgoing.queue, one ?? published.full, this.#limits);
    });
  }
}

/** What is said where an answer is neither `accepted` nor `duplicate`. */
export function refusedFull(queue: string, answer: number, { maxDepth, maxSize }: PublishLimits): Published {
  const detail =
    answer === published.fileFull
      ? `the database file is in use up to the ${maxSize} bytes of its maxSize`
      : `queue "${queue}" holds ${maxDepth} ready messages, which is its maxDepth`;
  return { kind: "refused", reason: "full", detail };
}

/** Cut so that no single transaction holds the write lock for long. */
function pieces(ready: readonly Ready[]): readonly (readonly Ready[])[] {
  const all: Ready[][] = [];
  let last: Ready[] = [];
  let bytes = 0;
  for (const one of ready) {
    const size = one.outgoing.message.body.length;
    if (last.length === 0 || last.length >= rowLimit || bytes + size > byteLimit) {
      last = [];
      all.push(last);
      bytes = 0;
    }
    last.push(one);
    bytes += size;
  }
  return all;
}

/** Ends the wait, not the step: whether it was carried out is unknown then. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
