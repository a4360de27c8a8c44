/**
 * What has to exist on the server: each queue as Celery declares it, queues of dead letters, the levels of delay. Declared once a
 * connection. A queue that exists otherwise is used as it is: to insist would end the channel, and to change it is not ours.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { ChannelError, type AmqpChannel, type AmqpConnection, type FieldTable } from "./amqp/client.ts";
import { deliveryExchange, deliveryKeys, levelCount, levelName } from "./delay.ts";
import { isChannelError, refusedBy, replyCode } from "./failure.ts";
import type { Link } from "./link.ts";
import type { Location } from "./location.ts";

/** Letters are read by taking them and giving them back, which counts as a delivery on a quorum queue. */
const letterLimit = 1_000_000_000;

/** A queue that is not as we would have declared it. */
export interface Drift {
  readonly queue: string;
  readonly ours: FieldTable;
  /** In the server's words; it names one argument at a time. */
  readonly told: string;
}

export function deadQueue(queue: string): string {
  return `${queue}.dead`;
}

export function queueArguments(location: Location): FieldTable {
  if (location.queueType === "quorum") return { "x-queue-type": "quorum" };
  return location.maxPriority === undefined ? {} : { "x-max-priority": location.maxPriority };
}

export class Declarations {
  readonly #linkOf: () => Link;
  readonly #location: Location;
  readonly #drifts = new Map<string, Drift>();
  /** Undefined while it is being declared, then true; of this connection alone. */
  #known = new Map<string, Promise<void> | true>();
  #connection: AmqpConnection | undefined;
  /** Somebody declared where what was delayed ends. */
  #hasLevels = false;

  constructor(link: () => Link, location: Location) {
    this.#linkOf = link;
    this.#location = location;
  }

  get #link(): Link {
    return this.#linkOf();
  }

  get drifts(): readonly Drift[] {
    return [...this.#drifts.values()];
  }

  /** As far as is known: what it was declared as, or what the server said that it is. */
  isQuorum(queue: string): boolean {
    const told = this.#drifts.get(queue)?.told ?? "";
    const actual = /'x-queue-type'.* current is (?:the value )?(?:'(\w+)'|none)/.exec(told);
    return actual === null ? this.#location.queueType === "quorum" : actual[1] === "quorum";
  }

  /**
   * The queue, and an exchange of its name that leads to it; `undefined` when that is done already. A quorum queue gets none: Celery has
   * a direct or, for its delays, a topic one there, and would end on finding the other.
   */
  task(queue: string): Promise<void> | undefined {
    return this.#once(queue, async () => {
      const quorum = this.#location.queueType === "quorum";
      if (!quorum) await this.#ours((channel) => channel.declareExchange(queue, "direct", { durable: true }));
      await this.#queue(queue, queueArguments(this.#location));
      if (!quorum) await this.#ours((channel) => channel.bindQueue(queue, queue, queue));
    });
  }

  /**
   * As Celery's workers do: its producers send what is delayed for a quorum queue to levels that they do not declare. Any other queue gets
   * back the end of the levels, if there are some: it may have been deleted while something waits there for it.
   */
  async consumed(queue: string): Promise<void> {
    await this.task(queue);
    if (!this.isQuorum(queue)) return await this.#once(`end/${queue}`, () => this.#ends(queue));
    try {
      await this.delay(queue);
    } catch (error) {
      // Where the levels cannot be had, only what is delayed is refused, to who sends it.
      if (!(error instanceof CeleriacError && error.code === "DELAY_NOT_SUPPORTED")) throw error;
    }
  }

  async #ends(queue: string): Promise<void> {
    // Asked once a connection: the server logs each look for what is not there as an error.
    await this.#once("/levels", async () => {
      this.#hasLevels = false;
      await this.#ours(async (channel) => {
        await channel.declareExchange(deliveryExchange, "topic", { passive: true });
        this.#hasLevels = true;
      });
    });
    if (!this.#hasLevels) return;
    for (const key of deliveryKeys(queue))
      await this.#ours((channel) => channel.bindQueue(queue, deliveryExchange, key));
  }

  dead(queue: string): Promise<void> | undefined {
    const args =
      this.#location.queueType === "quorum" ? { "x-queue-type": "quorum", "x-delivery-limit": letterLimit } : {};
    return this.#once(deadQueue(queue), () => this.#queue(deadQueue(queue), args));
  }

  /** The levels, and their end at this queue. Rejects with DELAY_NOT_SUPPORTED. */
  delay(queue: string): Promise<void> | undefined {
    return this.#once(`delay/${queue}`, async () => {
      try {
        await this.#once("/delay", () => this.#levels());
        for (const key of deliveryKeys(queue))
          await this.#link.withChannel((channel) => channel.bindQueue(queue, deliveryExchange, key));
      } catch (error) {
        if (!(error instanceof ChannelError)) throw error;
        throw new CeleriacError(
          "DELAY_NOT_SUPPORTED",
          `${this.#location.name} cannot hold what is delayed (${error.message}): it needs quorum queues and the right to declare the queues and exchanges celery_delayed_…; until then send without a delay.`,
          { cause: error },
        );
      }
    });
  }

  /** The server says that it is gone. */
  forget(queue: string): void {
    for (const key of [queue, deadQueue(queue), `delay/${queue}`, `end/${queue}`, "/delay", "/levels"])
      this.#known.delete(key);
  }

  /** Looks whether a queue that exists is as ours would be; makes none. */
  async compare(queue: string): Promise<void> {
    try {
      await this.#link.withChannel((channel) => channel.declareQueue(queue, { passive: true }));
    } catch (error) {
      if (error instanceof ChannelError) return;
      throw error;
    }
    await this.#queue(queue, queueArguments(this.#location));
  }

  async #queue(queue: string, args: FieldTable): Promise<void> {
    try {
      await this.#link.withChannel((channel) => channel.declareQueue(queue, { durable: true, arguments: args }));
      this.#drifts.delete(queue);
    } catch (error) {
      if (!isChannelError(error, replyCode.mismatch, replyCode.refused)) throw this.#refused(error);
      // Who may not declare may still use what is there.
      try {
        await this.#link.withChannel((channel) => channel.declareQueue(queue, { passive: true }));
      } catch (second) {
        throw this.#refused(isChannelError(second, replyCode.notFound) ? error : second);
      }
      if (error.code === replyCode.mismatch) this.#drifts.set(queue, { queue, ours: args, told: error.message });
    }
  }

  /** For what only makes us look like Celery: messages reach their queue by the default exchange all the same. */
  async #ours(declare: (channel: AmqpChannel) => Promise<void>): Promise<void> {
    try {
      await this.#link.withChannel(declare);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
    }
  }

  async #levels(): Promise<void> {
    try {
      await this.#link.withChannel(declareLevels);
    } catch (error) {
      // Celery may have declared the queues as classic ones: then all but them is declared, and they must be there.
      if (!isChannelError(error, replyCode.mismatch)) throw error;
      await this.#link.withChannel(useLevels);
    }
  }

  /** Each name once a connection (names of queues have no slash); who comes while it is being done waits with the first. */
  #once(name: string, declare: () => Promise<void>): Promise<void> | undefined {
    const connection = this.#link.connection;
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#known = new Map();
    }
    const known = this.#known;
    const state = known.get(name);
    if (state !== undefined) return state === true ? undefined : state;
    const work = declare().then(
      () => void known.set(name, true),
      (error: unknown) => {
        known.delete(name);
        throw error;
      },
    );
    known.set(name, work);
    return work;
  }

  #refused(error: unknown): unknown {
    return error instanceof ChannelError ? refusedBy(this.#location, error) : error;
  }
}

/** All in one go: 112 methods, a second the first time, some milliseconds when they exist. */
async function declareLevels(channel: AmqpChannel): Promise<void> {
  const queues = levelNumbers().map((level) =>
    channel.declareQueue(levelName(level), { durable: true, arguments: levelArguments(level) }),
  );
  await Promise.all([...declareExchanges(channel), ...queues, ...bindLevels(channel)]);
}

async function useLevels(channel: AmqpChannel): Promise<void> {
  const queues = levelNumbers().map((level) => channel.declareQueue(levelName(level), { passive: true }));
  await Promise.all([...declareExchanges(channel), ...queues, ...bindLevels(channel)]);
}

function declareExchanges(channel: AmqpChannel): Promise<void>[] {
  const names = [...levelNumbers().map(levelName), deliveryExchange];
  return names.map((name) => channel.declareExchange(name, "topic", { durable: true }));
}

/** A digit of 1 waits in the level's queue, a 0 goes on to the next level at once. */
function bindLevels(channel: AmqpChannel): Promise<void>[] {
  return levelNumbers().flatMap((level) => {
    const before = "*.".repeat(levelCount - 1 - level);
    return [
      channel.bindQueue(levelName(level), levelName(level), `${before}1.#`),
      channel.bindExchange(nextExchange(level), levelName(level), `${before}0.#`),
    ];
  });
}

/** At-least-once, which only quorum queues know: a classic one can lose a message at a crash, between one level and the next. */
function levelArguments(level: number): FieldTable {
  return {
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-message-ttl": 2 ** level * 1000,
    "x-dead-letter-exchange": nextExchange(level),
    "x-dead-letter-strategy": "at-least-once",
  };
}

function nextExchange(level: number): string {
  return level === 0 ? deliveryExchange : levelName(level - 1);
}

function levelNumbers(): number[] {
  return Array.from({ length: levelCount }, (_, index) => levelCount - 1 - index);
}
