/**
 * Acks of one channel, gathered for a turn: where they cover the oldest deliveries without a gap they go out as one `multiple`, which costs
 * the server a fraction; what they say is the same. The rest goes out one by one.
 */

import type { ByteWriter } from "./byte-writer.ts";
import { method, writeSettlement } from "./method.ts";
import { bits } from "./topology.ts";

export class Settlements {
  readonly #out: ByteWriter;
  readonly #channel: number;
  /** Deliveries that the server waits for, in their order; as many as the prefetch allows. */
  readonly #open = new Set<number>();
  readonly #acks = new Set<number>();

  constructor(out: ByteWriter, channel: number) {
    this.#out = out;
    this.#channel = channel;
  }

  delivered(deliveryTag: number): void {
    this.#open.add(deliveryTag);
  }

  /** Written with `write`. */
  ack(deliveryTag: number): void {
    this.#acks.add(deliveryTag);
  }

  ackAll(last: number): void {
    this.#settle(method.basicAck, last, true, false);
  }

  nack(deliveryTag: number, multiple: boolean, requeue: boolean): void {
    this.#settle(method.basicNack, deliveryTag, multiple, requeue);
  }

  /** What was gathered. Before the channel's next method, and before the turn's bytes leave. */
  write(): void {
    if (this.#acks.size === 0) return;
    let last = 0;
    let covered = 0;
    for (const tag of this.#open) {
      if (!this.#acks.delete(tag)) break;
      this.#open.delete(tag);
      last = tag;
      covered++;
    }
    if (covered > 0) writeSettlement(this.#out, this.#channel, method.basicAck, last, bits(covered > 1));
    for (const tag of this.#acks) {
      this.#open.delete(tag);
      writeSettlement(this.#out, this.#channel, method.basicAck, tag, 0);
    }
    this.#acks.clear();
  }

  /** The channel is gone, and its number may soon be another's. */
  drop(): void {
    this.#open.clear();
    this.#acks.clear();
  }

  #settle(id: number, deliveryTag: number, multiple: boolean, requeue: boolean): void {
    this.write();
    writeSettlement(this.#out, this.#channel, id, deliveryTag, bits(multiple, requeue));
    if (!multiple) this.#open.delete(deliveryTag);
    else for (const tag of this.#open) if (tag <= deliveryTag || deliveryTag === 0) this.#open.delete(tag);
  }
}
