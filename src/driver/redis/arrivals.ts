/** Arrivals as arguments of a script, and its answers. A group's keys and body stand once in a call, behind all else. */

import type { Arrival, Joined } from "../../port/joins.ts";
import type { Argument } from "./client.ts";
import type { Keys } from "./keys.ts";

interface Block {
  readonly first: Arrival;
  body: Uint8Array | undefined;
  /** Where its place is to be written. */
  readonly named: number[];
}

export class ArrivalArguments {
  readonly #names: Keys;
  readonly #args: Argument[];
  /** The number of a key as an argument. */
  readonly #key: (name: string) => string;
  readonly #blocks = new Map<string, Block>();

  constructor(names: Keys, args: Argument[], key: (name: string) => string) {
    this.#names = names;
    this.#args = args;
    this.#key = key;
  }

  add(arrival: Arrival): void {
    const { group, index, body } = arrival;
    let block = this.#blocks.get(group);
    if (block === undefined) this.#blocks.set(group, (block = { first: arrival, body, named: [] }));
    block.body ??= body;
    const head = headOf(arrival);
    const score = index === Infinity ? "+inf" : String(index);
    block.named.push(this.#args.push("", score, head, entryOf(head, arrival)) - 4);
  }

  /** After all other arguments. */
  end(): void {
    const names = this.#names;
    for (const [group, { first, body, named }] of this.#blocks) {
      // Lua counts from 1.
      const place = String(this.#args.length + 1);
      for (const at of named) this.#args[at] = place;
      for (const name of [...names.joinKeys(group), names.joins]) this.#args.push(this.#key(name));
      this.#args.push(group, body === undefined ? "" : argumentOf(body), wholeText(first.ttl));
    }
  }
}

/** Roughly what it adds to a call, bytes. */
export function sizeOfArrival({ value, body }: Arrival): number {
  return 128 + value.length + (body?.length ?? 0);
}

/** What tells a member, in the bytes of Python's `json.dumps`. */
function headOf({ member }: Arrival): string {
  const id = JSON.stringify(member).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `[1, ${id}, `;
}

/** As Celery writes it: `[1, "id", "STATE", result]`. */
function entryOf(start: string, { state, value }: Arrival): Argument {
  const head = `${start}"${state}", `;
  const result = argumentOf(value);
  return typeof result === "string"
    ? `${head}${result}]`
    : Buffer.concat([Buffer.from(head), result, Buffer.from("]")]);
}

/** What a script says of one arrival. */
export function joinedOf(group: string, text: string | undefined): Joined {
  const [arrived, size, full] = text?.split("/") ?? [];
  return { group, arrived: Number(arrived), size: size === "-" ? undefined : Number(size), full: full === "1" };
}

/** Longer arguments go as bytes: a call is written as one string otherwise. */
export const longestText = 16_384;

/** ioredis takes Buffers, not every Uint8Array. Small texts as strings: one write instead of a list of Buffers. */
export function argumentOf(bytes: Uint8Array): Argument {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length > longestText) return buffer;
  const text = buffer.toString("utf8");
  return text.includes("\ufffd") ? buffer : text;
}

/** Of a time to live: a whole number, and at least 1. */
export function wholeText(ttl: number): string {
  return String(Math.max(1, Math.round(ttl)));
}
