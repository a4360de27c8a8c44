/**
 * One call of the script that publishes, as the bytes that the server reads. Through the client each text of it would be looked through and
 * copied several times: for a message of 400 bytes 2.2 µs, as against 0.2.
 */

import { Buffer } from "node:buffer";

import type { Encoded } from "./encoded.ts";
import { isMade, type Keys, sharedByTime } from "./keys.ts";
import { fairStep } from "./script/parts.ts";
import { around, bulk, widest, type WrittenCall } from "./script/written-call.ts";

/** Ids that must be known for longer have keys of their own, ms: a set of ids is kept as long as the last of them. */
const longestTogether = 600_000;

export class PublishRequest implements WrittenCall {
  readonly #group: readonly { readonly encoded: Encoded }[];
  readonly #keys: Keys;
  /** What is the same for all, after the number of keys. */
  readonly #common: string[];
  readonly #options: string[];
  /** Each was made under an id of its own: nothing but its envelope, and when it is due, has to be said of it. */
  readonly #plain: boolean;
  readonly #delayed: boolean;
  #named = 0;

  /** `group`: of one queue and priority; `first` is the first of it. */
  constructor(keys: Keys, first: Encoded, group: readonly { readonly encoded: Encoded }[], maxDepth: number) {
    const { queue, step, fair, dedupe } = first;
    const { steps } = keys;
    const sets = setsOf(group);
    this.#keys = keys;
    this.#group = group;
    let delayed = false;
    for (const { encoded: one } of group) {
      if (one.due !== "") delayed = true;
      if (one.dedupe !== undefined) this.#named++;
    }
    this.#plain = sets !== undefined;
    this.#delayed = delayed;
    this.#common = [keys.unacked, keys.index, keys.fence, keys.bell(queue), keys.due(queue), ...keys.lists(queue)];
    this.#options = [
      queue,
      String(fair ? fairStep : step),
      String(6 + steps.indexOf(step)),
      String(steps.length),
      String(maxDepth),
      delayed ? "1" : "0",
      sets === undefined ? "" : String(dedupe?.window),
    ];
    if (sets === undefined) return;
    for (const { id } of sets) this.#common.push(keys.sent(id));
    this.#options.push(String(sets.length));
    for (const { size } of sets) this.#options.push(String(size));
  }

  mostBytes(subject: string): number {
    const keys = this.#keys;
    const names = keys.seen("").length + keys.meta("").length + 2 * around;
    let bytes = around + 2 * around + subject.length * widest;
    for (const text of this.#common) bytes += around + text.length * widest;
    for (const text of this.#options) bytes += around + text.length * widest;
    for (const { encoded } of this.#group) {
      const { size, dedupe } = encoded;
      bytes += 3 * around + size;
      if (this.#plain) continue;
      if (dedupe !== undefined) bytes += names * widest + (2 * dedupe.id.length + dedupe.nonce.length) * widest;
      bytes += 4 * around + 40;
    }
    return bytes + around;
  }

  write(into: Buffer, command: "EVALSHA" | "EVAL", subject: string): number {
    const group = this.#group;
    const names = this.#common.length + (this.#plain ? 0 : this.#named * 2);
    const width = this.#plain ? (this.#delayed ? 2 : 1) : 4;
    const values = this.#options.length + group.length * width;
    let head = `*${3 + names + values}\r\n${bulk(command)}${bulk(subject)}${bulk(String(names))}`;
    for (const text of this.#common) head += bulk(text);
    let at = into.write(head);
    if (!this.#plain) at = this.#writeNames(into, at);
    let options = "";
    for (const text of this.#options) options += bulk(text);
    at += into.write(options, at);
    const envelope = new Alike("");
    for (const { encoded } of group) {
      const { raw, size, dedupe, due } = encoded;
      at = envelope.write(into, at, raw, size);
      if (width === 2) at += into.write(bulk(due), at);
      if (width === 4)
        at += into.write(bulk(dedupe?.nonce ?? "") + bulk(dedupe ? String(dedupe.window) : "") + bulk(due), at);
    }
    return at;
  }

  #writeNames(into: Buffer, from: number): number {
    const [seen, meta] = [new Alike(this.#keys.seen("")), new Alike(this.#keys.meta(""))];
    let at = from;
    for (const { encoded } of this.#group) {
      const { dedupe } = encoded;
      if (dedupe === undefined) continue;
      const length = Buffer.byteLength(dedupe.id);
      at = seen.write(into, at, dedupe.id, length);
      at = meta.write(into, at, dedupe.id, length);
    }
    return at;
  }
}

/** Messages that stand one after the other, the first of them by its id, and whose ids are of one time. */
interface SameTime {
  readonly id: string;
  size: number;
}

/** `undefined` unless all were made for this call under ids of their own, the eldest first. */
function setsOf(group: readonly { readonly encoded: Encoded }[]): readonly SameTime[] | undefined {
  const window = group[0]?.encoded.dedupe?.window ?? Infinity;
  if (window > longestTogether) return undefined;
  const sets: SameTime[] = [];
  let last: SameTime | undefined;
  let front = "";
  for (const { encoded } of group) {
    const { dedupe } = encoded;
    if (dedupe === undefined || dedupe.window !== window || dedupe.nonce !== dedupe.id || !isMade(dedupe.id))
      return undefined;
    if (last !== undefined && dedupe.id.startsWith(front)) {
      last.size++;
      continue;
    }
    const next = dedupe.id.slice(0, sharedByTime);
    // No set may come twice: the script looks into all of them before it writes into the first.
    if (next < front) return undefined;
    front = next;
    last = { id: dedupe.id, size: 1 };
    sets.push(last);
  }
  return sets;
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
