/** One settle call in the making: keys are numbered as they are named, everything is encoded before anything is sent. */

import type { Settlement } from "../../port/broker.ts";
import type { ResultWrite } from "../../port/result-store.ts";
import type { AttemptRecord, DeadLetter } from "../../port/queue-admin.ts";
import { callHeader, readCallMark } from "../../wire/call-mark.ts";
import { spliceMarks, type Marks } from "../../wire/envelope.ts";
import { fairKeyOf } from "../../wire/fair.ts";
import { argumentOf, ArrivalArguments, longestText, sizeOfArrival, wholeText } from "./arrivals.ts";
import type { Argument } from "./client.ts";
import type { RedisDelivery } from "./delivery.ts";
import { letterText } from "./letter.ts";
import type { Keys } from "./keys.ts";
import { fairStep } from "./script/parts.ts";
import { encodeOutgoing, type Encoded } from "./encoded.ts";

/** Dead letters are kept for 14 days. */
const letterLife = 14 * 86_400_000;

/** What one item adds to the call. Made apart from the call, so that what cannot be encoded stops nothing else. */
export interface SettleItem {
  readonly delivery: RedisDelivery;
  readonly settlement: Settlement;
  readonly next: Encoded | undefined;
  readonly follow: readonly Encoded[];
  /** Envelope to put back, undefined for unchanged. */
  readonly raw: Buffer | undefined;
  readonly size: number;
}

/** Throws NOT_SERIALIZABLE, NAME_INVALID. */
export function settleItem(keys: Keys, delivery: RedisDelivery, settlement: Settlement): SettleItem {
  const { then } = settlement;
  let next: Encoded | undefined;
  let raw: Buffer | undefined;
  if (then.kind === "replace") {
    const marks = { redelivered: false, crashes: delivery.crashes, suspicions: delivery.suspicions };
    const fresh = encodeOutgoing(keys, then.next);
    // The counts travel with the task, not with the attempt; `redelivered` is a fact of this delivery and ends with it.
    const marked = delivery.redelivered || marks.crashes > 0 || marks.suspicions > 0;
    next = marked ? { ...fresh, raw: spliceMarks(fresh.raw, marks) } : fresh;
  } else if (then.kind === "requeue") {
    raw = markedRaw(delivery, {
      redelivered: delivery.redelivered || delivery.started,
      crashes: then.crashes ?? delivery.crashes,
      suspicions: then.suspicions ?? delivery.suspicions,
    });
  }
  const follow = (settlement.follow ?? []).map((one) => encodeOutgoing(keys, one));
  const size =
    256 +
    (next?.size ?? 0) +
    (raw?.length ?? 0) +
    follow.reduce((sum, one) => sum + one.size, 0) +
    sizeOfResult(settlement.result) +
    (settlement.arrive ?? []).reduce((sum, one) => sum + sizeOfArrival(one), 0) +
    (then.kind === "bury" ? delivery.raw.length * 1.4 : 0);
  return { delivery, settlement, next, follow, raw, size };
}

/** The envelope with these marks, undefined if it has them already or can't carry any. Bytes are kept: latin1 there and back. */
export function markedRaw(delivery: RedisDelivery, marks: Marks): Buffer | undefined {
  if ("malformed" in delivery.message) return undefined;
  const { redelivered, crashes, suspicions } = delivery;
  if (marks.redelivered === redelivered && marks.crashes === crashes && marks.suspicions === suspicions)
    return undefined;
  return Buffer.from(spliceMarks(Buffer.from(delivery.raw).toString("latin1"), marks), "latin1");
}

export class SettleRequest {
  readonly keys: string[];
  readonly args: Argument[] = [];
  readonly #names: Keys;
  readonly #numbers = new Map<string, string>();
  readonly #arrivals: ArrivalArguments;
  /** Items of one kind that stand one after the other: `at` is where their number is to be written. */
  #alike: { readonly at: number; readonly queue: string; readonly ttl: number | undefined; count: number } | undefined;

  constructor(
    names: Keys,
    session: string,
    slot: string,
    sequence: string,
    sessionLife: string,
    items: readonly SettleItem[],
  ) {
    this.#names = names;
    this.#arrivals = new ArrivalArguments(names, this.args, (name) => this.#key(name));
    this.keys = [names.unacked, names.index, names.fence, session, names.dead];
    this.args.push(slot, sequence, sessionLife, String(items.length));
    for (const item of items) this.args.push(item.delivery.claim);
    for (const item of items) this.#add(item);
    this.#endAlike();
    this.#arrivals.end();
  }

  #key(name: string): string {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      this.keys.push(name);
      number = String(this.keys.length);
      this.#numbers.set(name, number);
    }
    return number;
  }

  #add(item: SettleItem): void {
    const { delivery, settlement } = item;
    const { result, record, then, arrive } = settlement;
    const names = this.#names;
    const id = taskIdOf(delivery);
    const alone = record === undefined && item.follow.length === 0 && arrive === undefined;
    if (alone && then.kind === "ack" && result?.final === true && isFirstRun(delivery)) {
      this.#addAlike(delivery.queue, result);
      return;
    }
    this.#endAlike();
    this.#call(delivery, then, id);
    const at = this.args.push("*", "") - 1;
    this.args.push(this.#key(names.lease(delivery.queue)), this.#key(names.started(delivery.queue)));
    if (result === undefined) this.args.push("0");
    else {
      this.args.push(this.#key(names.meta(result.id)), metaArgument(result), ttlText(result.ttl));
    }
    if (id === undefined) this.args.push("0");
    else if (record !== undefined) this.args.push(this.#key(names.crash(id)), recordText(record));
    else if (then.kind === "ack") this.args.push(this.#key(names.crash(id)), "");
    else this.args.push("0");
    this.#then(item, id);
    this.args.push(String(item.follow.length));
    for (const one of item.follow) {
      const { dedupe } = one;
      if (dedupe) {
        const seen = this.#key(names.seen(dedupe.id));
        this.args.push(seen, dedupe.nonce, String(dedupe.window), this.#key(names.meta(dedupe.id)));
      } else this.args.push("0", "", "", "0");
      this.#send(one);
    }
    this.args.push(String(arrive?.length ?? 0));
    for (const arrival of arrive ?? []) this.#arrivals.add(arrival);
    this.args[at] = String(this.args.length - 1 - at);
  }

  /** A final result and an acknowledgement, and nothing else: nearly all items. */
  #addAlike(queue: string, result: ResultWrite): void {
    const { id, ttl } = result;
    if (this.#alike === undefined || this.#alike.queue !== queue || this.#alike.ttl !== ttl) {
      this.#endAlike();
      const [lease, started] = [this.#key(this.#names.lease(queue)), this.#key(this.#names.started(queue))];
      const at = this.args.push("=", "") - 1;
      this.args.push(lease, started, ttlText(ttl), String(this.keys.length + 1));
      this.#alike = { at, queue, ttl, count: 0 };
    }
    this.#alike.count += 1;
    this.keys.push(this.#names.meta(id));
    this.args.push(metaArgument(result));
  }

  #endAlike(): void {
    if (this.#alike !== undefined) this.args[this.#alike.at] = String(this.#alike.count);
    this.#alike = undefined;
  }

  /** What a key's own steps need, in front of the item. */
  #call({ message, claimedAt }: RedisDelivery, then: Settlement["then"], id: string | undefined): void {
    if (id === undefined || "malformed" in message) return;
    const mark = readCallMark(message.headers);
    if (mark === undefined) return;
    const { queue, key, hold, life } = mark;
    const names = this.#names;
    const due = then.kind === "replace" ? Math.max(0, (then.next.due ?? 0) - claimedAt) : 0;
    this.args.push("c", this.#key(names.call(queue, key)), this.#key(names.due(queue)), this.#key(names.bell(queue)));
    this.args.push(id, String(hold), String(life), wholeText(due + life));
  }

  #then(item: SettleItem, id: string | undefined): void {
    const { delivery, settlement, raw } = item;
    const { then } = settlement;
    const names = this.#names;
    const { queue } = delivery;
    switch (then.kind) {
      case "ack":
        this.args.push("A");
        return;
      case "replace":
        this.args.push("R");
        if (item.next) this.#send(item.next);
        return;
      case "requeue":
        if (then.due === undefined) {
          const turn = then.at === "front" && takesTurns(delivery);
          this.args.push(
            "Q",
            this.#key(turn ? names.due(queue) : names.list(queue, delivery.step)),
            this.#key(names.bell(queue)),
            turn ? "T" : then.at === "front" ? "F" : "B",
            raw ?? "",
          );
        } else {
          const due = String(Math.ceil(then.due));
          this.args.push("P", this.#key(names.bell(queue)), this.#key(names.due(queue)), due, queue, raw ?? "");
          const { behind } = then;
          if (behind === undefined || id === undefined) this.args.push("0");
          else {
            const places = [names.slots(behind), names.line(behind), names.parked(behind)];
            const list = names.list(queue, delivery.step);
            this.args.push(...[...places, list].map((name) => this.#key(name)), id);
          }
        }
        return;
      case "bury": {
        const key = String(delivery.fence);
        const letter: DeadLetter = { ...then.letter, key };
        const [head, tail] = letterText(letter);
        const own = letter.attempts.map(recordText).join(",");
        // Without an id there are no attempts to be found; the letter's own key stands in for a list that never exists.
        const attempts = id === undefined ? names.letter(`${key}.none`) : names.crash(id);
        const score = String(Math.floor(letter.at));
        this.args.push(
          "D",
          this.#key(names.letter(key)),
          this.#key(attempts),
          score,
          head,
          own,
          tail,
          String(letterLife),
        );
      }
    }
  }

  #send(one: Encoded): void {
    const names = this.#names;
    this.args.push(
      this.#key(names.list(one.queue, one.step)),
      this.#key(names.bell(one.queue)),
      this.#key(names.due(one.queue)),
      one.due,
      String(one.fair ? fairStep : one.step),
      one.queue,
      one.raw,
    );
  }
}

export function recordText(record: AttemptRecord): string {
  return JSON.stringify(record);
}

export function takesTurns({ message }: RedisDelivery): boolean {
  return !("malformed" in message) && fairKeyOf(message.headers) !== undefined;
}

function metaArgument(result: ResultWrite): Argument {
  return shortText(result) ?? argumentOf(result.meta);
}

function sizeOfResult(result: ResultWrite | undefined): number {
  return result === undefined ? 0 : (shortText(result) ?? result.meta).length;
}

function shortText({ text }: ResultWrite): string | undefined {
  return text !== undefined && text.length <= longestText ? text : undefined;
}

/** Nothing is kept of earlier attempts, and it stands for no key of calls. */
function isFirstRun({ message, redelivered, crashes, suspicions }: RedisDelivery): boolean {
  if (redelivered || crashes > 0 || suspicions > 0 || "malformed" in message) return false;
  const { headers } = message;
  return (headers["retries"] ?? 0) === 0 && !(callHeader in headers);
}

function ttlText(ttl: number | undefined): string {
  return ttl === undefined ? "0" : wholeText(ttl);
}

function taskIdOf(delivery: RedisDelivery): string | undefined {
  if ("malformed" in delivery.message) return undefined;
  const { id } = delivery.message.headers;
  return typeof id === "string" && id !== "" ? id : undefined;
}
