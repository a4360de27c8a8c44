/**
 * Dead letters lie in a queue beside each task queue. They are read by taking them, unacknowledged, and putting them back, so that one
 * process reads one queue at a time; who reads it at the same moment from elsewhere sees those that are not taken.
 */

import type { DeadLetter, DeadLetters, Page } from "../../port/queue-admin.ts";
import type { AmqpChannel, AmqpDelivery } from "./amqp/client.ts";
import type { Context } from "./context.ts";
import { deadQueue } from "./declarations.ts";
import { isChannelError, replyCode } from "./failure.ts";
import { queueOfKey, readLetter, type StoredLetter } from "./letter.ts";
import type { LooseParcel } from "./parcel.ts";
import type { Publisher } from "./publisher.ts";

const mostItems = 200;
/** Letters and bytes that are looked at in one queue, from its front. */
const mostLetters = 10_000;
const mostBytes: number = 64 * 1024 * 1024;
/** Asked for at once. */
const window = 64;
/** How often, and how long apart in ms, it is looked whether letters are back. */
const mostLooks = 50;
const lookAgain = 10;

const none: ReadonlySet<number> = new Set();

type Filter = Parameters<DeadLetters["list"]>[0];

interface Taken {
  readonly tag: number;
  readonly stored: StoredLetter | undefined;
}

export class RabbitDeadLetters implements DeadLetters {
  readonly #context: Context;
  readonly #publisher: Publisher;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(context: Context, publisher: Publisher) {
    this.#context = context;
    this.#publisher = publisher;
  }

  /** The latest first, over all queues that this process knows of. */
  async list(filter: Filter, after: string | undefined, limit: number): Promise<Page<DeadLetter>> {
    const most = Math.max(1, Math.min(limit, mostItems));
    const queues = filter.queue === undefined ? this.#context.queues : [filter.queue];
    // One may lie there twice, under one key.
    const letters = new Map<string, DeadLetter>();
    for (const queue of queues)
      await this.#read(queue, async (_channel, taken) => {
        for (const { stored } of taken)
          if (stored && matches(filter, stored.letter)) letters.set(stored.letter.key, stored.letter);
        return none;
      });
    const rest = [...letters.values()]
      .toSorted((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1))
      .filter((letter) => after === undefined || placeOf(letter) < after);
    const items = rest.slice(0, most);
    const last = items.at(-1);
    return { items, next: rest.length > most && last !== undefined ? placeOf(last) : undefined };
  }

  /** Sent and confirmed before the letter is taken away. The result of its last run is the store's to forget. */
  redrive(keys: readonly string[]): Promise<number> {
    return this.#each(keys, async (stored, queue) => {
      const parcel: LooseParcel = { queue, place: "task", due: undefined, ...stored.original };
      const [answer] = await this.#publisher.send([this.#context.packer.wrap(parcel)], this.#context.closing);
      return answer?.kind === "accepted";
    });
  }

  drop(keys: readonly string[]): Promise<number> {
    return this.#each(keys, () => Promise.resolve(true));
  }

  /** Takes away those for which `run` says so. */
  async #each(
    keys: readonly string[],
    run: (stored: StoredLetter, queue: string) => Promise<boolean>,
  ): Promise<number> {
    this.#context.ensureOpen();
    const wanted = new Set(keys);
    // Read again, after the connection was lost or because it lies there twice, a letter is not sent a second time.
    const done = new Set<string>();
    for (const queue of new Set(keys.map(queueOfKey))) {
      if (queue === "") continue;
      await this.#read(queue, async (channel, taken) => {
        const gone = new Set<number>();
        for (const { tag, stored } of taken) {
          if (stored === undefined || !wanted.has(stored.letter.key)) continue;
          const { key } = stored.letter;
          if (!done.has(key) && !(await run(stored, queue))) continue;
          done.add(key);
          channel.ack(tag, false);
          gone.add(tag);
        }
        return gone;
      });
    }
    return done.size;
  }

  /**
   * Answered after what was acknowledged is gone: by the queue itself, in the order of what this channel asked of it. But a quorum queue
   * answers before it has taken letters back; and who reads it at the same moment may take them again at once.
   */
  async #backIn(channel: AmqpChannel, dead: string, letters: number): Promise<void> {
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const { messages } = await channel.declareQueue(dead, { passive: true });
      if (messages >= letters) return;
      await this.#context.clock.sleep(lookAgain, this.#context.closing);
    }
  }

  /** `use` acknowledges some and says which. One reading after the other: two at once would hide each other's letters. */
  async #read(
    queue: string,
    use: (channel: AmqpChannel, taken: readonly Taken[]) => Promise<ReadonlySet<number>>,
  ): Promise<void> {
    const before = this.#reading;
    const work = before.then(() =>
      this.#context.demand(async (channel) => {
        const dead = deadQueue(queue);
        try {
          const { messages } = await channel.declareQueue(dead, { passive: true });
          if (messages === 0) return;
        } catch (error) {
          if (isChannelError(error, replyCode.notFound)) return;
          throw error;
        }
        const taken = await takeAll(channel, dead);
        const gone = await use(
          channel,
          taken.map((one) => ({ tag: one.deliveryTag, stored: readLetter(one, queue) })),
        );
        const last = taken.findLast(({ deliveryTag }) => !gone.has(deliveryTag));
        if (last !== undefined) channel.nack(last.deliveryTag, true, true);
        await this.#backIn(channel, dead, taken.length - gone.size);
      }),
    );
    this.#reading = work.catch(() => undefined);
    await work;
  }
}

async function takeAll(channel: AmqpChannel, dead: string): Promise<readonly AmqpDelivery[]> {
  const taken: AmqpDelivery[] = [];
  let bytes = 0;
  while (taken.length < mostLetters && bytes < mostBytes) {
    const some = await Promise.all(Array.from({ length: window }, () => channel.get(dead, false)));
    const came = some.filter((one) => one !== undefined);
    for (const one of came) bytes += one.body.byteLength;
    taken.push(...came);
    if (came.length < window) break;
  }
  return taken;
}

function matches(filter: Filter, letter: DeadLetter): boolean {
  return (
    (filter.task === undefined || filter.task === letter.task) &&
    (filter.reason === undefined || filter.reason === letter.reason)
  );
}

/** Sorts by time; the key tells those of one moment apart. */
function placeOf(letter: DeadLetter): string {
  return `${String(Math.floor(letter.at)).padStart(15, "0")} ${letter.key}`;
}
