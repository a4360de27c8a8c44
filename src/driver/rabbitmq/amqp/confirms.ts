/**
 * Publishes that wait for the server's confirm, by their number on the channel: a ring, so that taking one costs no search, and a
 * confirm of many one pass. A message that came back is told to its publish when the confirm, which follows it, arrives.
 */

import type { ByteReader } from "./byte-reader.ts";
import type { Confirm, Outbound } from "./client.ts";
import type { ContentReader } from "./content.ts";
import { readReason } from "./method.ts";

/** By what a returned message and its publish are known to be the same. */
interface Marks {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
}

class Pending implements Marks {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly resolve: (confirm: Confirm) => void;
  readonly reject: (error: Error) => void;
  returned: Confirm | undefined;

  constructor(message: Outbound, resolve: (confirm: Confirm) => void, reject: (error: Error) => void) {
    this.exchange = message.exchange;
    this.routingKey = message.routingKey;
    this.messageId = message.properties.messageId;
    this.resolve = resolve;
    this.reject = reject;
  }
}

const acked: Confirm = Object.freeze({ kind: "acked" });
const nacked: Confirm = Object.freeze({ kind: "nacked" });

export class Confirms {
  /** A power of two long; number n is at n modulo its length. */
  #ring: (Pending | undefined)[] = Array.from<undefined>({ length: 64 });
  /** The oldest that may wait, and the number of the next. */
  #oldest = 1;
  #next = 1;
  /** The server sends messages back in the order of their publishes: it looks for the next one behind the last. */
  #lastReturned = 0;

  add(message: Outbound): Promise<Confirm> {
    return new Promise((resolve, reject) => {
      if (this.#next - this.#oldest === this.#ring.length) this.#grow();
      this.#ring[this.#next & (this.#ring.length - 1)] = new Pending(message, resolve, reject);
      this.#next++;
    });
  }

  settle(number: number, multiple: boolean, taken: boolean): void {
    // By the specification 0 with `multiple` means all.
    const last = multiple && number === 0 ? this.#next - 1 : number;
    if (last >= this.#next) return;
    for (let at = multiple ? this.#oldest : last; at <= last; at++) {
      const pending = this.#remove(at);
      pending?.resolve(pending.returned ?? (taken ? acked : nacked));
    }
    while (this.#oldest < this.#next && this.#at(this.#oldest) === undefined) this.#oldest++;
  }

  /** Reads a `basic.return`. Equal messages without an id can't be told apart: then it is the oldest. */
  returned(bytes: ByteReader, content: ContentReader): void {
    const { code, text } = readReason(bytes);
    const exchange = bytes.name();
    const routingKey = bytes.name();
    content.begin(({ properties }) => {
      const message = { exchange, routingKey, messageId: properties?.messageId };
      const number = this.#find(message, this.#lastReturned + 1) ?? this.#find(message, this.#oldest);
      if (number === undefined) return;
      this.#at(number)!.returned = { kind: "returned", code, text };
      this.#lastReturned = number;
    });
  }

  rejectAll(error: Error): void {
    for (; this.#oldest < this.#next; this.#oldest++) this.#remove(this.#oldest)?.reject(error);
  }

  #at(number: number): Pending | undefined {
    return number < this.#oldest ? undefined : this.#ring[number & (this.#ring.length - 1)];
  }

  #remove(number: number): Pending | undefined {
    const pending = this.#at(number);
    if (pending !== undefined) this.#ring[number & (this.#ring.length - 1)] = undefined;
    return pending;
  }

  #find(message: Marks, from: number): number | undefined {
    for (let number = Math.max(from, this.#oldest); number < this.#next; number++) {
      const pending = this.#at(number);
      if (
        pending !== undefined &&
        pending.returned === undefined &&
        pending.messageId === message.messageId &&
        pending.routingKey === message.routingKey &&
        pending.exchange === message.exchange
      )
        return number;
    }
    return undefined;
  }

  #grow(): void {
    const old = this.#ring;
    const ring: (Pending | undefined)[] = Array.from<undefined>({ length: old.length * 2 });
    for (let number = this.#oldest; number < this.#next; number++)
      ring[number & (ring.length - 1)] = old[number & (old.length - 1)];
    this.#ring = ring;
  }
}
