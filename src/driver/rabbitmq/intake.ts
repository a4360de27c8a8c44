/**
 * One channel's life of a consumer: what its queues delivered and nobody has taken yet, and what is to be acknowledged. Delivery tags mean
 * something only here; when the channel ends, all of it is the server's again.
 */

import type { Clock } from "../../clock/clock.ts";
import type { AmqpChannel } from "./amqp/client.ts";
import { Tap, type Arrived, type TapHooks } from "./tap.ts";

export interface IntakeHooks {
  /** Something came, or there is room for more to come. */
  readonly look: () => void;
  /** The server ended a consumer: its queue was deleted. */
  readonly cancelled: (queue: string) => void;
}

/** How long a queue that has just been opened may take to deliver before the others use its share, ms. */
const grace = 25;

export class Intake {
  readonly #channel: AmqpChannel;
  readonly #clock: Clock;
  readonly #hooks: IntakeHooks;
  readonly #ended = new AbortController();
  readonly #taps = new Map<string, Tap>();
  /** Tags that are not acknowledged, in their order; true for those that are to be. */
  readonly #tags = new Map<number, boolean>();
  #acking = false;
  #patience: Disposable | undefined;

  constructor(channel: AmqpChannel, clock: Clock, hooks: IntakeHooks) {
    this.#channel = channel;
    this.#clock = clock;
    this.#hooks = hooks;
    channel.on("closed", (error) => this.#end(error));
  }

  /** Aborts when the channel has ended, with the reason. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get taps(): Iterable<Tap> {
    return this.#taps.values();
  }

  /** Whether the server still has it when it is asked. */
  async lives(): Promise<boolean> {
    // Any call that is answered does; this one changes nothing for who consumes.
    const answered = await this.#channel.confirmSelect().then(
      () => true,
      () => false,
    );
    return answered && !this.ended.aborted;
  }

  whenEnded(): Promise<void> {
    const { signal } = this.#ended;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** From now on these. Resolves with what the others had delivered, and deliver no more. */
  async setQueues(queues: readonly string[]): Promise<readonly Arrived[]> {
    const gone = [...this.#taps.values()].filter((tap) => !queues.includes(tap.queue));
    for (const { queue } of gone) this.#taps.delete(queue);
    for (const queue of queues)
      if (!this.#taps.has(queue)) {
        const tap: Tap = new Tap(
          queue,
          this.#channel,
          this.#clock,
          this.#hooksOf(() => tap),
        );
        this.#taps.set(queue, tap);
      }
    await Promise.all(gone.map((tap) => tap.cut()));
    return gone.flatMap((tap) => tap.empty());
  }

  /**
   * The next to be handed over: from the queue of which least is held, so that none takes the room of another. At most `maxBytes`, unless
   * one alone is larger.
   */
  draw(room: number, want: number, maxBytes: number, held: ReadonlyMap<string, number>): readonly Arrived[] {
    const drawn: Arrived[] = [];
    const share = this.#isSettled() ? want : Math.ceil(want / Math.max(1, this.#taps.size));
    const holding = new Map(held);
    let bytes = 0;
    while (drawn.length < room) {
      let next: Tap | undefined;
      let least = share;
      for (const tap of this.#taps.values()) {
        const count = holding.get(tap.queue) ?? 0;
        if (tap.waiting === 0 || count >= least) continue;
        next = tap;
        least = count;
      }
      const size = next?.nextSize ?? 0;
      if (next === undefined || (drawn.length > 0 && bytes + size > maxBytes)) break;
      const arrived = next.shift();
      if (arrived === undefined) break;
      bytes += size;
      holding.set(next.queue, least + 1);
      drawn.push(arrived);
    }
    return drawn;
  }

  /** Written with all others of this turn, those that follow each other as one. */
  ack(arrived: Arrived): void {
    if (this.#tags.get(arrived.delivery.deliveryTag) !== false) return;
    this.#tags.set(arrived.delivery.deliveryTag, true);
    arrived.line.unacked -= 1;
    if (this.#acking) return;
    this.#acking = true;
    queueMicrotask(() => this.#writeAcks());
  }

  /** To where it was in its queue, as far as the server can. */
  giveBack(arrived: Arrived): void {
    if (!this.#tags.delete(arrived.delivery.deliveryTag)) return;
    arrived.line.unacked -= 1;
    this.#channel.nack(arrived.delivery.deliveryTag, false, true);
  }

  /** Everything that is not acknowledged goes back to its queue. */
  async close(): Promise<void> {
    if (this.#acking) this.#writeAcks();
    this.#end(new Error("its consumer was stopped"));
    await this.#channel.close().catch(() => undefined);
  }

  #writeAcks(): void {
    this.#acking = false;
    if (this.ended.aborted) return;
    let before = 0;
    let last = 0;
    const rest: number[] = [];
    let unbroken = true;
    for (const [tag, done] of this.#tags) {
      unbroken &&= done;
      if (!done) continue;
      if (unbroken) {
        before += 1;
        last = tag;
      } else rest.push(tag);
    }
    if (before > 0) this.#channel.ack(last, before > 1);
    for (const [tag, done] of this.#tags) if (done) this.#tags.delete(tag);
    for (const tag of rest) this.#channel.ack(tag, false);
  }

  /** False while a queue that was opened a moment ago may still be about to deliver its share. */
  #isSettled(): boolean {
    const now = this.#clock.monotonic();
    const fresh = [...this.#taps.values()].some((tap) => now - tap.openedAt < grace);
    if (fresh && this.#patience === undefined)
      this.#patience = this.#clock.after(grace, () => {
        this.#patience = undefined;
        this.#hooks.look();
      });
    return !fresh;
  }

  #hooksOf(tap: () => Tap): TapHooks {
    return {
      arrived: (arrived) => {
        this.#tags.set(arrived.delivery.deliveryTag, false);
        this.#hooks.look();
      },
      changed: () => this.#hooks.look(),
      cancelled: (queue) => {
        // Each of its consumers is cancelled, the last perhaps when the queue has its next tap.
        if (this.#taps.get(queue) === tap()) this.#taps.delete(queue);
        for (const arrived of tap().empty()) this.giveBack(arrived);
        this.#hooks.cancelled(queue);
      },
    };
  }

  #end(error: Error): void {
    if (this.ended.aborted) return;
    this.#patience?.[Symbol.dispose]();
    this.#taps.clear();
    this.#tags.clear();
    this.#ended.abort(error);
  }
}
