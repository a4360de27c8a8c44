/**
 * All that the callers of one turn want, packed for the way to the thread: one text, one buffer of bytes and columns of numbers,
 * because cloning a record a task would cost more than storing it. `Parcel` packs, `Unpacked` reads.
 */

import type { CallRule } from "../../port/call-law.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { ResultWrite } from "../../port/result-store.ts";
import { fairKeyOf } from "../../wire/fair.ts";
import type { Request, SettlementRest } from "./exchange.ts";
import { firstTurn } from "./turns.ts";

export interface Batch {
  readonly requests: readonly Request[];
  /** call, from, count for each publish: there may be hundreds, of one message each. */
  readonly publishes: Float64Array<ArrayBuffer>;
  readonly sent: Float64Array<ArrayBuffer>;
  readonly results: Float64Array<ArrayBuffer>;
  readonly settlements: Float64Array<ArrayBuffer>;
  readonly rests: readonly SettlementRest[];
  /** Of messages that stand for a key, by their place among the messages. */
  readonly calls: readonly (readonly [index: number, rule: CallRule])[];
  /** Queues, tasks and states: few, and said often. */
  readonly names: readonly string[];
  /** Ids, nonces and heads one behind the other. */
  readonly text: string;
  /** Bodies and metas one behind the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** One message to be stored. */
export interface SentMessage {
  readonly queue: string;
  readonly task: string;
  readonly id: string;
  readonly priority: number;
  /** -1 = at once. */
  readonly due: number;
  /** -1 = no check for duplicates. */
  readonly window: number;
  /** The id that may come once in `window`. */
  readonly once: string;
  readonly nonce: string;
  readonly head: string;
  readonly body: Uint8Array;
  readonly call?: CallRule | undefined;
}
export interface SentResult {
  readonly id: string;
  readonly state: string;
  readonly final: boolean;
  readonly fence: number;
  /** -1 = kept until it is forgotten. */
  readonly ttl: number;
  readonly meta: Uint8Array;
}
export interface SentSettlement {
  readonly seq: number;
  readonly fence: number;
  readonly ending: number;
  /** Index among the results; -1 = none. */
  readonly result: number;
  /** First of the follow-ups among the messages, and how many. */
  readonly from: number;
  readonly count: number;
  readonly rest: SettlementRest | undefined;
}

const noCalls: ReadonlyMap<number, CallRule> = new Map();
export const unset = -1;
const publishWidth = 3;
const sentWidth = 12;
const resultWidth = 8;
const settlementWidth = 7;

export class Parcel {
  readonly requests: Request[] = [];
  readonly #publishes: number[] = [];
  readonly #sent: number[] = [];
  readonly #results: number[] = [];
  readonly #settlements: number[] = [];
  readonly #rests: SettlementRest[] = [];
  readonly #calls: (readonly [number, CallRule])[] = [];
  readonly #names = new Map<string, number>();
  readonly #texts: string[] = [];
  #textLength = 0;
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  get isEmpty(): boolean {
    return this.requests.length + this.#publishes.length === 0;
  }

  get sentCount(): number {
    return this.#sent.length / sentWidth;
  }

  get resultCount(): number {
    return this.#results.length / resultWidth;
  }

  get settlementCount(): number {
    return this.#settlements.length / settlementWidth;
  }

  addPublish(call: number, from: number, count: number): void {
    this.#publishes.push(call, from, count);
  }

  addOutgoing(outgoing: Outgoing, head: string): number {
    const { message, due, dedupe } = outgoing;
    const { id, task } = message.headers;
    const text = typeof id === "string" ? id : "";
    const once = dedupe === undefined || dedupe.id === id ? "" : dedupe.id;
    const nonce = dedupe === undefined || dedupe.nonce === id ? "" : dedupe.nonce;
    this.#sent.push(
      this.#name(outgoing.queue),
      this.#name(typeof task === "string" ? task : ""),
      fairKeyOf(message.headers) === undefined ? priorityOf(message.properties.priority) : firstTurn,
      due === undefined ? unset : Math.max(0, Math.ceil(due)),
      dedupe === undefined ? unset : dedupe.window,
      this.#textLength,
      text.length,
      once.length,
      nonce.length,
      head.length,
      this.#length,
      message.body.length,
    );
    this.#texts.push(text, once, nonce, head);
    this.#textLength += text.length + once.length + nonce.length + head.length;
    this.#addBytes(message.body);
    if (outgoing.call !== undefined) this.#calls.push([this.sentCount - 1, outgoing.call]);
    return this.sentCount - 1;
  }

  addResult(result: ResultWrite): number {
    this.#results.push(
      this.#textLength,
      result.id.length,
      this.#name(result.state),
      result.final ? 1 : 0,
      result.fence,
      result.ttl ?? unset,
      this.#length,
      result.meta.length,
    );
    this.#texts.push(result.id);
    this.#textLength += result.id.length;
    this.#addBytes(result.meta);
    return this.resultCount - 1;
  }

  addSettlement(settlement: SentSettlement): void {
    const { seq, fence, ending, result, from, count, rest } = settlement;
    const place = rest === undefined ? unset : this.#rests.push(rest) - 1;
    this.#settlements.push(seq, fence, ending, result, from, count, place);
  }

  wrap(): Batch {
    return {
      requests: this.requests,
      publishes: new Float64Array(this.#publishes),
      sent: new Float64Array(this.#sent),
      results: new Float64Array(this.#results),
      settlements: new Float64Array(this.#settlements),
      rests: this.#rests,
      calls: this.#calls,
      names: [...this.#names.keys()],
      text: this.#texts.join(""),
      bytes: concat(this.#pieces, this.#length),
    };
  }

  #name(name: string): number {
    let index = this.#names.get(name);
    if (index === undefined) {
      index = this.#names.size;
      this.#names.set(name, index);
    }
    return index;
  }

  #addBytes(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }
}

export class Unpacked {
  readonly #batch: Batch;
  readonly #calls: ReadonlyMap<number, CallRule>;

  constructor(batch: Batch) {
    this.#batch = batch;
    this.#calls = batch.calls.length === 0 ? noCalls : new Map(batch.calls);
  }

  publishes(): readonly Extract<Request, { k: "publish" }>[] {
    const { publishes } = this.#batch;
    const all: Extract<Request, { k: "publish" }>[] = [];
    for (let at = 0; at < publishes.length; at += publishWidth) {
      const [call = 0, from = 0, count = 0] = publishes.subarray(at, at + publishWidth);
      all.push({ k: "publish", call, from, count });
    }
    return all;
  }

  message(index: number): SentMessage {
    const { sent, names, text, bytes } = this.#batch;
    const at = index * sentWidth;
    const number = (column: number): number => sent[at + column] ?? 0;
    const idFrom = number(5);
    const onceFrom = idFrom + number(6);
    const nonceFrom = onceFrom + number(7);
    const headFrom = nonceFrom + number(8);
    const id = text.slice(idFrom, onceFrom);
    return {
      queue: names[number(0)] ?? "",
      task: names[number(1)] ?? "",
      id,
      priority: number(2),
      due: number(3),
      window: number(4),
      once: nonceFrom === onceFrom ? id : text.slice(onceFrom, nonceFrom),
      nonce: headFrom === nonceFrom ? id : text.slice(nonceFrom, headFrom),
      head: text.slice(headFrom, headFrom + number(9)),
      body: bytes.subarray(number(10), number(10) + number(11)),
      call: this.#calls.get(index),
    };
  }

  result(index: number): SentResult {
    const { results, names, text, bytes } = this.#batch;
    const at = index * resultWidth;
    const number = (column: number): number => results[at + column] ?? 0;
    return {
      id: text.slice(number(0), number(0) + number(1)),
      state: names[number(2)] ?? "",
      final: number(3) === 1,
      fence: number(4),
      ttl: number(5),
      meta: bytes.subarray(number(6), number(6) + number(7)),
    };
  }

  settlement(index: number): SentSettlement {
    const { settlements, rests } = this.#batch;
    const at = index * settlementWidth;
    const number = (column: number): number => settlements[at + column] ?? 0;
    return {
      seq: number(0),
      fence: number(1),
      ending: number(2),
      result: number(3),
      from: number(4),
      count: number(5),
      rest: rests[number(6)],
    };
  }

  /** Bytes of a run of messages. */
  size(from: number, count: number): number {
    const { sent } = this.#batch;
    const last = (from + count - 1) * sentWidth;
    return (sent[last + 10] ?? 0) + (sent[last + 11] ?? 0) - (sent[from * sentWidth + 10] ?? 0);
  }
}

/** A buffer that may be handed over: never a slice of Node's shared pool. */
export function concat(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** 0…9, low first, as on Redis; what is no number has the first. */
function priorityOf(priority: number | undefined): number {
  if (priority === undefined || !(priority > 0)) return 0;
  return Math.min(9, Math.floor(priority));
}
