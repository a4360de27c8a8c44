/**
 * One call of the script that publishes, as the bytes that the server reads. Through the client each text of it would be looked through and
 * copied several times: for a message of 400 bytes 2.2 µs, as against 0.2.
 */

import { Buffer } from "node:buffer";

import type { Encoded } from "./encoded.ts";
import type { Keys } from "./keys.ts";
import { fairStep } from "./script/parts.ts";
import { around, bulk, widest, type WrittenCall } from "./script/written-call.ts";

export class PublishRequest implements WrittenCall {
  readonly #group: readonly { readonly encoded: Encoded }[];
  readonly #keys: Keys;
  /** What is the same for all, after the number of keys. */
  readonly #common: readonly string[];
  readonly #options: readonly string[];
  /** Each was made under an id of its own, to be sent at once: nothing but its name and its envelope has to be said of it. */
  readonly #plain: boolean;
  readonly #named: number;

  /** `group`: of one queue and priority; `first` is the first of it. */
  constructor(keys: Keys, first: Encoded, group: readonly { readonly encoded: Encoded }[], maxDepth: number) {
    const { queue, step, fair, dedupe } = first;
    const { steps } = keys;
    const window = dedupe?.window;
    this.#keys = keys;
    this.#group = group;
    this.#plain = true;
    let delayed = false;
    let named = 0;
    for (const { encoded: one } of group) {
      if (one.due !== "") delayed = true;
      if (one.dedupe !== undefined) named++;
      if (one.due !== "" || one.dedupe?.nonce !== one.dedupe?.id || one.dedupe?.window !== window) this.#plain = false;
    }
    if (window === undefined) this.#plain = false;
    this.#named = named;
    this.#common = [keys.unacked, keys.index, keys.fence, keys.bell(queue), keys.due(queue), ...keys.lists(queue)];
    this.#options = [
      queue,
      String(fair ? fairStep : step),
      String(6 + steps.indexOf(step)),
      String(steps.length),
      String(maxDepth),
      delayed ? "1" : "0",
      this.#plain ? String(window) : "",
      String(Buffer.byteLength(keys.seen("")) + 1),
    ];
  }

  mostBytes(subject: string): number {
    const keys = this.#keys;
    const names = keys.seen("").length + keys.meta("").length + 2 * around;
    let bytes = around + 2 * around + subject.length * widest;
    for (const text of this.#common) bytes += around + text.length * widest;
    for (const text of this.#options) bytes += around + text.length * widest;
    for (const { encoded } of this.#group) {
      const { size, dedupe } = encoded;
      bytes += around + size;
      if (dedupe !== undefined) bytes += names * widest + 2 * dedupe.id.length * widest;
      if (!this.#plain) bytes += 4 * around + 40 + (dedupe?.nonce.length ?? 0) * widest;
    }
    return bytes + around;
  }

  write(into: Buffer, command: "EVALSHA" | "EVAL", subject: string): number {
    const group = this.#group;
    const names = this.#common.length + this.#named * (this.#plain ? 1 : 2);
    const values = this.#options.length + group.length * (this.#plain ? 1 : 4);
    let head = `*${3 + names + values}\r\n${bulk(command)}${bulk(subject)}${bulk(String(names))}`;
    for (const text of this.#common) head += bulk(text);
    let at = into.write(head);
    const [seen, meta, envelope] = [new Alike(this.#keys.seen("")), new Alike(this.#keys.meta("")), new Alike("")];
    for (const { encoded } of group) {
      const { dedupe } = encoded;
      if (dedupe === undefined) continue;
      const length = Buffer.byteLength(dedupe.id);
      at = seen.write(into, at, dedupe.id, length);
      if (!this.#plain) at = meta.write(into, at, dedupe.id, length);
    }
    let options = "";
    for (const text of this.#options) options += bulk(text);
    at += into.write(options, at);
    for (const { encoded } of group) {
      const { raw, size, dedupe, due } = encoded;
      at = envelope.write(into, at, raw, size);
      if (this.#plain) continue;
      at += into.write(bulk(dedupe?.nonce ?? "") + bulk(dedupe ? String(dedupe.window) : "") + bulk(due), at);
    }
    return at;
  }
}

/** Texts that begin alike, and mostly have one length. Each is written in parts: put together first it would leave garbage of its whole length. */
class Alike {
  readonly #begin: string;
  readonly #beginBytes: number;
  #length = -1;
  #head = "";

  constructor(begin: string) {
    this.#begin = begin;
    this.#beginBytes = Buffer.byteLength(begin);
  }

  /** `length`: of the rest, bytes. Returns where it ends. */
  write(into: Buffer, at: number, rest: string, length: number): number {
    if (length !== this.#length) {
      this.#length = length;
      this.#head = `$${String(this.#beginBytes + length)}\r\n${this.#begin}`;
    }
    let end = at + into.write(this.#head, at);
    end += into.write(rest, end);
    into[end] = 13;
    into[end + 1] = 10;
    return end + 2;
  }
}
