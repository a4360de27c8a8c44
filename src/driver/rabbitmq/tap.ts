/**
 * One queue on one channel. How much the server sends ahead is the sum of its consumers' prefetch counts: more is asked for by one more
 * consumer, less by ending all of them. What has arrived waits here until there is room for it.
 *
 *   shut ─grow─▶ open ─grow─▶ open ─cut─▶ cutting ─▶ shut
 */

import type { Clock } from "../../clock/clock.ts";
import type { AmqpChannel, AmqpDelivery } from "./amqp/client.ts";

export interface Arrived {
  readonly queue: string;
  readonly delivery: AmqpDelivery;
  readonly line: Line;
  /** Monotonic ms. */
  readonly at: number;
}

/** One consumer of the server's. */
export interface Line {
  readonly prefetch: number;
  /** Of the deliveries that count against `prefetch`. */
  unacked: number;
}

export interface TapHooks {
  readonly arrived: (arrived: Arrived) => void;
  /** It can be grown again. */
  readonly changed: () => void;
  readonly cancelled: (queue: string) => void;
}

/** As many consumers a queue: then one large one takes their place. */
const mostLines = 32;
/** Up to here each wish is met at once; above, small ones wait for the next look, so that a wavering one does not make dozens of consumers. */
const smallPrefetch = 32;
/** AMQP's prefetch count has 16 bits. */
const mostPrefetch = 65_535;

export class Tap {
  readonly queue: string;
  /** Monotonic ms; -Infinity while it is shut. */
  openedAt: number = -Infinity;
  readonly #channel: AmqpChannel;
  readonly #clock: Clock;
  readonly #hooks: TapHooks;
  readonly #lines = new Map<Line, Promise<string>>();
  #waiting: Arrived[] = [];
  #cutting: Promise<void> | undefined;

  constructor(queue: string, channel: AmqpChannel, clock: Clock, hooks: TapHooks) {
    this.queue = queue;
    this.#channel = channel;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** Arrived, and not handed over. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get nextSize(): number {
    return this.#waiting[0]?.delivery.body.byteLength ?? 0;
  }

  /** Since when the oldest waits, monotonic ms. */
  get oldest(): number {
    return this.#waiting[0]?.at ?? Infinity;
  }

  /** What the server may have sent ahead at most. */
  get capacity(): number {
    let sum = 0;
    for (const line of this.#lines.keys()) sum += line.prefetch;
    return sum;
  }

  shift(): Arrived | undefined {
    return this.#waiting.shift();
  }

  empty(): readonly Arrived[] {
    return this.#waiting.splice(0);
  }

  /** Asks for what is missing to fill `room`; with `all` false a little may be missing for a while. */
  fill(room: number, all: boolean): void {
    if (this.#cutting !== undefined) return;
    const capacity = this.capacity;
    let unacked = 0;
    for (const line of this.#lines.keys()) unacked += line.unacked;
    const missing = room - (capacity - unacked + this.#waiting.length);
    if (missing <= 0 || (!all && capacity > smallPrefetch && missing * 8 < capacity)) return;
    if (this.#lines.size >= mostLines) {
      this.cut().catch(() => undefined);
      return;
    }
    this.#open(Math.min(missing, mostPrefetch));
  }

  /** Ends its consumers. What they have delivered still waits here. */
  cut(): Promise<void> {
    this.#cutting ??= this.#cut();
    return this.#cutting;
  }

  async #cut(): Promise<void> {
    const lines = [...this.#lines];
    try {
      await Promise.all(lines.map(async ([, tag]) => this.#channel.cancel(await tag)));
    } catch {
      // The channel has ended, and everything with it.
    } finally {
      for (const [line] of lines) this.#lines.delete(line);
      this.openedAt = -Infinity;
      this.#cutting = undefined;
      this.#hooks.changed();
    }
  }

  #open(prefetch: number): void {
    const line: Line = { prefetch, unacked: 0 };
    const take = (delivery: AmqpDelivery): void => {
      line.unacked += 1;
      const arrived: Arrived = { queue: this.queue, delivery, line, at: this.#clock.monotonic() };
      this.#waiting.push(arrived);
      this.#hooks.arrived(arrived);
    };
    const cancelled = (): void => {
      this.#lines.delete(line);
      this.#hooks.cancelled(this.queue);
    };
    // Holds for consumers that begin after it; nothing comes between the two.
    const qos = this.#channel.prefetch(prefetch, false);
    const tag = this.#channel.consume(this.queue, {}, take, cancelled);
    this.#lines.set(line, tag);
    this.openedAt = Infinity;
    Promise.all([qos, tag]).then(
      () => {
        this.openedAt = this.#clock.monotonic();
        this.#hooks.changed();
      },
      // The channel has ended over it.
      () => undefined,
    );
  }
}
