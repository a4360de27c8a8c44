/** A leased message on the caller's side. What costs (parsing, the envelope, an abort signal) is made when it is asked for. */

import type { Delivery, Settled, Settlement } from "../../port/broker.ts";
import { Stop, type StopSign } from "../../clock/stop.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { decodeEnvelope, decodeHead, encodeEnvelope } from "../../wire/envelope.ts";
import type { Malformed, Message } from "../../wire/message.ts";
import { claimedWidth } from "./exchange.ts";
import type { BegunCall, Claimed } from "./exchange.ts";

/** Settlement under way or done: what a repeat of it is answered. */
export interface Ended {
  readonly then: Settlement["then"];
  readonly answers: Promise<readonly Settled[]>;
  readonly index: number;
}

/** Is it the same settlement once more, and not another one of the same delivery? */
export function isRepeat(former: Settlement["then"], then: Settlement["then"]): boolean {
  if (former === then) return true;
  if (former.kind === "replace") return then.kind === "replace" && former.next === then.next;
  if (former.kind === "requeue") return then.kind === "requeue" && former.at === then.at && former.due === then.due;
  return former.kind === then.kind;
}

export class HeldDelivery implements Delivery {
  readonly queue: string;
  readonly fence: number;
  readonly crashes: number;
  readonly suspicions: number;
  readonly redelivered: boolean;
  readonly claimedAt: number;
  readonly seq: number;
  ended: Ended | undefined;
  /** User code began. Its mark may reach the file after the settlement that puts it back: starts come last in a transaction. */
  begun = false;
  #head: string;
  #body: Uint8Array;
  #message: Message | Malformed | undefined;
  #stop: Stop | undefined;
  #loss: CeleriacError | undefined;

  /** `at`: where its numbers begin. */
  constructor(claimed: Claimed, at: number, head: string, body: Uint8Array) {
    const { numbers } = claimed;
    this.seq = numbers[at] ?? 0;
    this.queue = claimed.queues[numbers[at + 1] ?? 0] ?? "";
    this.fence = claimed.fence;
    this.claimedAt = claimed.at;
    this.crashes = numbers[at + 4] ?? 0;
    this.suspicions = numbers[at + 5] ?? 0;
    this.redelivered = numbers[at + 6] === 1;
    this.#head = head;
    this.#body = body;
  }

  /** Another message may have taken its place since it was claimed. */
  become({ head, body }: BegunCall): void {
    if (head === this.#head && Buffer.compare(body, this.#body) === 0) return;
    this.#head = head;
    this.#body = body;
    this.#message = undefined;
  }

  get message(): Message | Malformed {
    this.#message ??= messageOf(this.#head, this.#body);
    return this.#message;
  }

  get raw(): Uint8Array {
    return rawOf(this.#head, this.#body, this.queue);
  }

  get lost(): StopSign {
    if (this.#stop === undefined) {
      this.#stop = new Stop();
      if (this.#loss !== undefined) this.#stop.abort(this.#loss);
    }
    return this.#stop;
  }

  lose(why: string): void {
    if (this.#loss !== undefined) return;
    this.#loss = new CeleriacError(
      "LEASE_LOST",
      `This worker holds the task in queue "${this.queue}" no longer: ${why}. Its result is discarded; another worker runs the task.`,
      { details: { queue: this.queue, fence: this.fence } },
    );
    this.#stop?.abort(this.#loss);
  }
}

/** Heads are slices of the common text; bodies views of the common buffer, or buffers of their own. */
export function deliveriesOf(claimed: Claimed): HeldDelivery[] {
  const { numbers, heads, bytes } = claimed;
  const deliveries: HeldDelivery[] = [];
  let headFrom = 0;
  let bodyFrom = 0;
  for (let at = 0; at < numbers.length; at += claimedWidth) {
    const headTo = headFrom + (numbers[at + 2] ?? 0);
    const bodyTo = bodyFrom + (numbers[at + 3] ?? 0);
    const own = bytes instanceof Uint8Array ? undefined : bytes[deliveries.length];
    const body = bytes instanceof Uint8Array ? bytes.subarray(bodyFrom, bodyTo) : (own ?? new Uint8Array(0));
    deliveries.push(new HeldDelivery(claimed, at, heads.slice(headFrom, headTo), body));
    headFrom = headTo;
    bodyFrom = bodyTo;
  }
  return deliveries;
}

/** Rows without a head are whole envelopes that came past us. */
function messageOf(head: string, body: Uint8Array): Message | Malformed {
  return head === "" ? decodeEnvelope(body) : decodeHead(head, body);
}

export function rawOf(head: string, body: Uint8Array, queue: string): Uint8Array {
  if (head === "") return body;
  const message = decodeHead(head, body);
  if ("malformed" in message) return Buffer.concat([Buffer.from(head), body]);
  const { id } = message.headers;
  return Buffer.from(encodeEnvelope(message, queue, typeof id === "string" ? id : ""));
}
