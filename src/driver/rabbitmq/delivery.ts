/** One message as its consumer holds it, and what became of it. */

import { Stop, type StopSign } from "../../clock/stop.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Delivery, Settled, Settlement } from "../../port/broker.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";
import type { Fence, ServerTime } from "../../port/units.ts";
import type { Malformed, Message } from "../../wire/message.ts";
import type { Properties } from "./amqp/client.ts";
import { attemptsHeader, readAttempts } from "./attempts.ts";
import type { Intake } from "./intake.ts";
import { cameAgain, countsOf, deliveryCount, formerNames, messageOf, nameOf, rawOf } from "./received.ts";
import type { Arrived } from "./tap.ts";

export class RabbitDelivery implements Delivery {
  readonly queue: string;
  readonly message: Message | Malformed;
  readonly redelivered: boolean;
  readonly fence: Fence;
  readonly crashes: number;
  readonly suspicions: number;
  readonly claimedAt: ServerTime;
  readonly arrived: Arrived;
  readonly intake: Intake;
  /** Acknowledged already; a ledger keeps it. */
  detached = false;
  settling = false;
  /** User code runs. */
  begun = false;
  #lost: Stop | undefined;
  #ended: { readonly then: Settlement["then"]; readonly answer: Settled } | undefined;

  constructor(arrived: Arrived, intake: Intake, claimedAt: ServerTime) {
    this.arrived = arrived;
    this.intake = intake;
    this.claimedAt = claimedAt;
    this.queue = arrived.queue;
    this.message = messageOf(arrived.delivery);
    const before = deliveryCount(arrived.delivery.properties);
    this.redelivered = cameAgain(arrived.delivery);
    // Grows from one delivery of this message to the next, not from one attempt to the next; other queues count nothing.
    this.fence = before === undefined ? 0 : before + 1;
    const { crashes, suspicions } = countsOf(this.message);
    this.crashes = crashes;
    this.suspicions = suspicions;
  }

  get raw(): Uint8Array {
    return rawOf(this.message, this.arrived.delivery, this.queue);
  }

  get name(): string | undefined {
    return nameOf(this.arrived.delivery.properties);
  }

  get formerly(): readonly string[] | undefined {
    return formerNames(this.arrived.delivery);
  }

  get properties(): Properties | undefined {
    return this.arrived.delivery.properties;
  }

  get attempts(): readonly AttemptRecord[] {
    return readAttempts(this.properties?.headers?.[attemptsHeader]);
  }

  /** Made when first asked for: most deliveries end before anybody listens. */
  get lost(): StopSign {
    return (this.#lost ??= new Stop());
  }

  lose(why: string): void {
    if (this.#lost?.aborted === true) return;
    this.#lost ??= new Stop();
    this.#lost.abort(
      new CeleriacError("LEASE_LOST", `a message of queue ${this.queue} went back to it: ${why}.`, {
        details: { queue: this.queue, fence: this.fence },
      }),
    );
  }

  /** Whether it can still be settled: its channel lives, or it needs none. */
  get isOurs(): boolean {
    return this.detached || !this.intake.ended.aborted;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  end(then: Settlement["then"], answer: Settled): void {
    this.#ended = { then, answer };
  }

  /** The answer to a settlement of what is settled already: the first one's if it is the same settlement, else `lost`. */
  answerTo(then: Settlement["then"]): Settled | undefined {
    if (this.#ended === undefined) return this.isOurs ? undefined : { kind: "lost" };
    const same = this.#ended.then === then || (then.kind === "ack" && this.#ended.then.kind === "ack");
    return same ? this.#ended.answer : { kind: "lost" };
  }
}
