/** One consumer on the caller's side: hands deliveries out, turns settlements into rows, says when a lease is lost. */

import type { Consumer, Delivery, Outgoing, Settled, Settlement } from "../../port/broker.ts";
import { callHeader, readCallMark } from "../../wire/call-mark.ts";
import { encodeHead } from "../../wire/envelope.ts";
import { HeldDelivery, isRepeat } from "./delivery.ts";
import type { Ended } from "./delivery.ts";
import { ending } from "./exchange.ts";
import type { CallStart, Lost, SettleAnswer, SettlementRest } from "./exchange.ts";
import { ownArrival } from "./joins.ts";
import type { Link } from "./link.ts";
import { unset } from "./parcel.ts";
import type { Parcel } from "./parcel.ts";

const settled: Settled = { kind: "settled" };
const lost: Settled = { kind: "lost" };
const stranger: Ended = { then: { kind: "ack" }, answers: Promise.resolve([lost]), index: 0 };
type ConsumerEvent = "disconnected" | "connected" | "clock-step";

export class SqliteConsumer implements Consumer {
  readonly no: number;
  readonly #link: Link;
  readonly #userCodeHere: boolean;
  readonly #take: (batch: readonly Delivery[]) => void;
  readonly #release: () => void;
  readonly #held = new Map<number, HeldDelivery>();
  readonly #listeners = new Map<ConsumerEvent, ((detail: string) => void)[]>();
  #want = -1;
  #stopping: Promise<void> | undefined;

  constructor(
    no: number,
    link: Link,
    userCodeHere: boolean,
    take: (batch: readonly Delivery[]) => void,
    release: () => void,
  ) {
    this.no = no;
    this.#link = link;
    this.#userCodeHere = userCodeHere;
    this.#take = take;
    this.#release = release;
  }

  want(n: number, _start: number): void {
    if (n === this.#want) return;
    this.#want = n;
    this.#link.tell({ k: "want", consumer: this.no, n });
  }

  async setQueues(queues: readonly string[]): Promise<void> {
    await this.#link.ask("setQueues", { consumer: this.no, queues });
  }

  started(deliveries: readonly Delivery[], blame: "suspect" | "sure"): void {
    const byFence = new Map<number, number[]>();
    for (const delivery of deliveries) {
      if (!(delivery instanceof HeldDelivery)) continue;
      delivery.begun = true;
      const seqs = byFence.get(delivery.fence);
      if (seqs === undefined) byFence.set(delivery.fence, [delivery.seq]);
      else seqs.push(delivery.seq);
    }
    const sure = blame === "sure";
    for (const [fence, seqs] of byFence) {
      // What runs on this thread may end it before the turn ends, so its mark must be on the way before.
      this.#link.tell({ k: "started", consumer: this.no, sure, seqs, fence }, sure || this.#userCodeHere);
    }
  }

  async begin(deliveries: readonly Delivery[]): Promise<void> {
    const held: HeldDelivery[] = [];
    const starts: CallStart[] = [];
    for (const delivery of deliveries) {
      if (!(delivery instanceof HeldDelivery)) continue;
      const { message, seq, fence } = delivery;
      if ("malformed" in message) continue;
      const mark = readCallMark(message.headers);
      const { id } = message.headers;
      if (mark === undefined || typeof id !== "string") continue;
      held.push(delivery);
      starts.push({ seq, fence, id, mark });
    }
    if (starts.length === 0) return;
    const begun = await this.#link.ask("beginCalls", starts);
    for (const [index, delivery] of held.entries()) {
      const now = begun[index];
      if (now !== undefined) delivery.become(now);
    }
  }

  async settle(batch: readonly Settlement[]): Promise<readonly Settled[]> {
    const fresh: Settlement[] = [];
    const former: (Ended | undefined)[] = [];
    for (const settlement of batch) {
      const { delivery, then } = settlement;
      const ended = delivery instanceof HeldDelivery ? delivery.ended : stranger;
      former.push(ended !== undefined && !isRepeat(ended.then, then) ? stranger : ended);
      if (ended !== undefined || !(delivery instanceof HeldDelivery)) continue;
      fresh.push(settlement);
      // Until it is sent: a second settlement of the same delivery in one batch is not.
      delivery.ended = stranger;
    }
    const answers = fresh.length === 0 ? Promise.resolve([]) : this.#send(fresh);
    for (const [index, { delivery, then }] of fresh.entries()) {
      if (delivery instanceof HeldDelivery) delivery.ended = { then, answers, index };
    }
    const given = await answers;
    if (fresh.length === batch.length) return given;
    let next = 0;
    return Promise.all(
      former.map(async (ended) => {
        return ended === undefined ? (given[next++] ?? lost) : ((await ended.answers)[ended.index] ?? lost);
      }),
    );
  }

  pause(): void {
    this.#link.tell({ k: "pause", consumer: this.no });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#link.ask("stop", { consumer: this.no }).then(
      () => {
        this.#loseAll("this consumer was stopped and gave it back");
        this.#end();
      },
      (error: unknown) => {
        // Nothing was given back, and it can be tried again.
        this.#stopping = undefined;
        throw error;
      },
    );
    return this.#stopping;
  }

  on(event: ConsumerEvent, listener: (detail: string) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  /** Deliveries from the thread. */
  deliver(batch: readonly HeldDelivery[]): void {
    for (const delivery of batch) {
      this.#held.get(delivery.seq)?.lose("it was given back in the meantime, and to this worker again");
      this.#held.set(delivery.seq, delivery);
    }
    this.#take(batch);
  }

  /** By claim: the same message may be held again by now, under another fence. */
  lose(held: readonly Lost[], why: string): void {
    for (const [seq, fence] of held) {
      const delivery = this.#held.get(seq);
      if (delivery?.fence !== fence) continue;
      delivery.lose(why);
      this.#held.delete(seq);
    }
  }

  tell(event: ConsumerEvent, detail: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(detail);
  }

  /** The connection is gone, and with it all leases. */
  break(detail: string): void {
    this.#loseAll(detail);
    this.tell("disconnected", detail);
    this.#end();
  }

  #loseAll(why: string): void {
    for (const delivery of this.#held.values()) delivery.lose(why);
    this.#held.clear();
  }

  #end(): void {
    this.#held.clear();
    this.#release();
  }

  async #send(batch: readonly Settlement[]): Promise<readonly Settled[]> {
    let answer: SettleAnswer;
    try {
      answer = await this.#link.call<SettleAnswer>((parcel, call) => {
        const from = parcel.settlementCount;
        for (const settlement of batch) addSettlement(parcel, settlement);
        return { k: "settle", call, consumer: this.no, from, count: batch.length };
      });
    } catch (error) {
      // Nobody knows: the same settlement may be tried again.
      for (const { delivery } of batch) if (delivery instanceof HeldDelivery) delivery.ended = undefined;
      throw error;
    }
    return batch.map(({ delivery }, index) => {
      if (!(delivery instanceof HeldDelivery)) return lost;
      const one = answer === 0 ? 0 : (answer[index] ?? 1);
      if (this.#held.get(delivery.seq) === delivery) this.#held.delete(delivery.seq);
      if (one === 0) return settled;
      if (one !== 1) {
        const { outcome, ...more } = one;
        return outcome === undefined ? { kind: "settled", ...more } : { kind: "already-final", outcome, ...more };
      }
      delivery.lose("another worker was given it before this settlement came");
      return lost;
    });
  }
}

function addSettlement(parcel: Parcel, settlement: Settlement): void {
  const { then, result, follow, arrive, record } = settlement;
  const delivery = settlement.delivery as HeldDelivery;
  const resultIndex = result === undefined ? unset : parcel.addResult(result);
  let rest: SettlementRest | undefined;
  let end: number = ending.ack;
  switch (then.kind) {
    case "ack":
      break;
    case "replace":
      end = ending.replace;
      rest = { next: add(parcel, then.next) };
      break;
    case "requeue": {
      end = then.at === "front" ? ending.front : ending.back;
      const { due, behind, crashes, suspicions } = then;
      rest = {
        ...(delivery.begun ? { begun: true } : {}),
        ...(due === undefined ? {} : { due }),
        ...(behind === undefined ? {} : { behind }),
        ...(crashes === undefined ? {} : { crashes }),
        ...(suspicions === undefined ? {} : { suspicions }),
      };
      break;
    }
    case "bury": {
      end = ending.bury;
      const { id, task, reason, at, detail, attempts } = then.letter;
      rest = { letter: { id, task, reason, at, detail, attempts } };
      break;
    }
  }
  if (record !== undefined && end !== ending.ack) rest = { ...rest, record: { id: "", value: record } };
  if (arrive !== undefined) rest = { ...rest, arrive: arrive.map(ownArrival) };
  const { message } = delivery;
  if (!("malformed" in message) && callHeader in message.headers) {
    const mark = readCallMark(message.headers);
    if (mark !== undefined) rest = { ...rest, call: { mark, id: String(message.headers["id"]) } };
  }
  const from = parcel.sentCount;
  for (const outgoing of follow ?? []) add(parcel, outgoing);
  const { seq, fence } = delivery;
  parcel.addSettlement({ seq, fence, ending: end, result: resultIndex, from, count: parcel.sentCount - from, rest });
}

function add(parcel: Parcel, outgoing: Outgoing): number {
  return parcel.addOutgoing(outgoing, encodeHead(outgoing.message));
}
