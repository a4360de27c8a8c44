/** One claimed message, and what its consumer knows of it. */

import { Stop, type StopSign } from "../../clock/stop.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Delivery, Settled, Settlement } from "../../port/broker.ts";
import type { Fence, ServerTime } from "../../port/units.ts";
import { decodeEnvelope, readMarks } from "../../wire/envelope.ts";
import type { Malformed, Message } from "../../wire/message.ts";
import { fenceOfId, placeOfId } from "./keys.ts";

export class RedisDelivery implements Delivery {
  /** `<fence>.<step>.<queue>`: the field in `unacked`. */
  readonly claim: string;
  readonly queue: string;
  readonly step: number;
  message: Message | Malformed;
  readonly redelivered: boolean;
  readonly fence: Fence;
  readonly crashes: number;
  readonly suspicions: number;
  readonly claimedAt: ServerTime;
  /** Monotonic ms when the claim was sent: its lease is at least this old. */
  readonly sentAt: number;
  #raw: Buffer;
  #lost: Stop | undefined;
  #started = false;
  /** A settlement is on its way. */
  settling = false;
  #ended: { readonly then: Settlement["then"]; readonly outcome: Settled } | undefined;

  constructor(claim: string, raw: Buffer, claimedAt: ServerTime, sentAt: number) {
    this.claim = claim;
    const { step, queue } = placeOfId(claim);
    this.queue = queue;
    this.step = step;
    this.#raw = raw;
    this.message = decodeEnvelope(raw);
    this.fence = fenceOfId(claim);
    const marks = "malformed" in this.message ? undefined : readMarks(this.message);
    this.redelivered = marks?.redelivered ?? false;
    this.crashes = marks?.crashes ?? 0;
    this.suspicions = marks?.suspicions ?? 0;
    this.claimedAt = claimedAt;
    this.sentAt = sentAt;
  }

  /** Another message may have taken its place since it was claimed. */
  become(raw: Buffer): void {
    if (raw.equals(this.#raw)) return;
    this.#raw = raw;
    this.message = decodeEnvelope(raw);
  }

  get raw(): Uint8Array {
    return this.#raw;
  }

  /** Made when first asked for: most deliveries end before anybody listens. */
  get lost(): StopSign {
    return (this.#lost ??= new Stop());
  }

  get isLost(): boolean {
    return this.#lost?.aborted === true;
  }

  get started(): boolean {
    return this.#started;
  }

  markStarted(): void {
    this.#started = true;
  }

  lose(why: string): void {
    if (this.isLost) return;
    this.#lost ??= new Stop();
    this.#lost.abort(
      new CeleriacError("LEASE_LOST", `the lease on a message of queue ${this.queue} is lost: ${why}.`, {
        details: { queue: this.queue, fence: this.fence },
      }),
    );
  }

  end(then: Settlement["then"], outcome: Settled): void {
    this.#ended = { then, outcome };
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** The answer to a settlement of what is settled already: the first one's if it is the same settlement, else `lost`. */
  answerTo(then: Settlement["then"]): Settled | undefined {
    if (this.#ended === undefined) return this.isLost ? { kind: "lost" } : undefined;
    const same = this.#ended.then === then || (then.kind === "ack" && this.#ended.then.kind === "ack");
    return same ? this.#ended.outcome : { kind: "lost" };
  }
}
