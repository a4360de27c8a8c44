/**
 * Settles: what is to be sent is sent and confirmed first, then the delivery is acknowledged, so that a crash between the two leaves the
 * message twice and never not at all. What is sent keeps its message ids when a settlement is repeated.
 */

import { createHash } from "node:crypto";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Published, Settled, Settlement } from "../../port/broker.ts";
import type { Context } from "./context.ts";
import type { Declarations } from "./declarations.ts";
import { RabbitDelivery } from "./delivery.ts";
import type { Intake } from "./intake.ts";
import { packLetter } from "./letter.ts";
import { luggageHeaders, type Luggage, type Parcel } from "./parcel.ts";
import type { Publisher } from "./publisher.ts";
import { againFor, deliveryCount, sentOn } from "./received.ts";
import type { Arrived } from "./tap.ts";

/** One settlement in the making. */
interface Plan {
  readonly then: Settlement["then"];
  readonly delivery: RabbitDelivery;
  /** What has not been confirmed yet. */
  parcels: readonly Parcel[];
  /** How the delivery ends: acknowledged, or put back where it was. */
  readonly end: "ack" | "reject";
  readonly sends: boolean;
  /** Of the last try. */
  outcome: PromiseSettledResult<Settled> | undefined;
}

const settled: Settled = { kind: "settled" };
const lost: Settled = { kind: "lost" };

export class Settler {
  readonly #context: Context;
  readonly #publisher: Publisher;
  readonly #declarations: Declarations;
  /** By what is to become of it: a repeat sends what it sent before. */
  readonly #plans = new WeakMap<Settlement["then"], Plan>();

  constructor(context: Context, publisher: Publisher, declarations: Declarations) {
    this.#context = context;
    this.#publisher = publisher;
    this.#declarations = declarations;
  }

  /** `release` is called for each delivery that is settled. Throws NOT_SERIALIZABLE, NAME_INVALID before anything is done. */
  async settle(batch: readonly Settlement[], release: (delivery: RabbitDelivery) => void): Promise<readonly Settled[]> {
    this.#context.ensureOpen();
    const plans = new Set<Plan>();
    const open = new Set<RabbitDelivery>();
    const answers = batch.map((settlement): Settled | Plan => {
      const { delivery, then } = settlement;
      if (!(delivery instanceof RabbitDelivery))
        throw new TypeError("a delivery of another broker can't be settled here");
      const answer = delivery.answerTo(then) ?? (delivery.settling || open.has(delivery) ? lost : undefined);
      if (answer !== undefined) {
        if (!delivery.isOurs) release(delivery);
        return answer;
      }
      const plan = this.#planOf(delivery, settlement);
      plans.add(plan);
      open.add(delivery);
      return plan;
    });
    for (const delivery of open) delivery.settling = true;
    const sending: Plan[] = [];
    for (const plan of plans) {
      if (plan.parcels.length > 0) sending.push(plan);
      // Most send nothing, so they wait for nothing.
      else plan.outcome = { status: "fulfilled", value: this.#end(plan) };
    }
    if (sending.length > 0) {
      const done = await Promise.allSettled(sending.map((plan) => this.#send(plan)));
      for (const [index, plan] of sending.entries()) plan.outcome = done[index];
    }
    for (const delivery of open) delivery.settling = false;
    for (const plan of plans) if (plan.parcels.length === 0) release(plan.delivery);
    return answers.map((answer) => {
      if ("kind" in answer) return answer;
      const { outcome } = answer;
      if (outcome?.status === "rejected") throw outcome.reason;
      return outcome?.value ?? lost;
    });
  }

  /**
   * Sends what arrived and was not handed over to the end of its queue, as it is, where the queue would count it as a failed delivery.
   * False: it was not sent.
   */
  async sendAnew(arrived: Arrived, intake: Intake): Promise<boolean> {
    const { queue, delivery } = arrived;
    if (!this.#isCounted(arrived) || delivery.properties === undefined) return false;
    const properties = sentOn(delivery.properties, againFor(delivery, false));
    const loose = { queue, place: "task", due: undefined, properties, body: delivery.body } as const;
    // Who waited for a server that takes no publishes would keep it from others.
    if (this.#context.sending.connection?.blocked !== undefined) return false;
    try {
      const [answer] = await this.#publisher.send([this.#context.packer.wrap(loose)], intake.ended);
      return answer?.kind === "accepted";
    } catch {
      return false;
    }
  }

  /** The arguments of a queue that others declared may hide its type, but not what it notes on a message. */
  #isCounted({ queue, delivery }: Arrived): boolean {
    return this.#declarations.isQuorum(queue) || deliveryCount(delivery.properties) !== undefined;
  }

  async #send(plan: Plan): Promise<Settled> {
    const { delivery, parcels } = plan;
    const signal = delivery.detached ? this.#context.closing : delivery.intake.ended;
    const sent = await this.#publisher.send(parcels, signal);
    const refused = parcels.flatMap((parcel, index) => {
      const answer = sent[index];
      return answer?.kind === "refused" ? [{ parcel, answer }] : [];
    });
    plan.parcels = refused.map(({ parcel }) => parcel);
    if (refused[0] !== undefined) throw refusedToSend(refused[0].parcel, refused[0].answer);
    return this.#end(plan);
  }

  #end({ delivery, then, end, sends }: Plan): Settled {
    // Confirmed but no longer ours to acknowledge: its copy will be seen to be one.
    const answer = delivery.isOurs || sends ? settled : lost;
    if (!delivery.detached) {
      if (end === "reject") delivery.intake.giveBack(delivery.arrived);
      else delivery.intake.ack(delivery.arrived);
    }
    delivery.end(then, answer);
    return answer;
  }

  #planOf(delivery: RabbitDelivery, settlement: Settlement): Plan {
    const { then, follow = [] } = settlement;
    const known = this.#plans.get(then);
    if (known?.delivery === delivery) return known;
    const { packer } = this.#context;
    const parcels = follow.map((outgoing) => packer.pack(outgoing));
    const fate = this.#fate(delivery, settlement);
    if (typeof fate === "object") parcels.push(fate);
    const end = fate === "reject" ? "reject" : "ack";
    const plan: Plan = { then, delivery, parcels, end, sends: parcels.length > 0, outcome: undefined };
    if (then.kind !== "ack") this.#plans.set(then, plan);
    return plan;
  }

  /** What is published in its place; or how it ends without. */
  #fate(delivery: RabbitDelivery, { then, record }: Settlement): Parcel | "ack" | "reject" {
    if (then.kind === "ack") return "ack";
    const { packer } = this.#context;
    const { crashes, suspicions } = delivery;
    const attempts = record === undefined ? delivery.attempts : [...delivery.attempts, record];
    switch (then.kind) {
      case "replace":
        return lighter({ crashes, suspicions, attempts }, (luggage) => packer.pack(then.next, luggage));
      case "bury":
        return packLetter(packer, delivery, {
          ...then.letter,
          key: letterKey(delivery, then.letter.id),
          attempts: [...attempts, ...then.letter.attempts],
        });
      case "requeue": {
        const counts = { crashes: then.crashes ?? crashes, suspicions: then.suspicions ?? suspicions };
        const same = counts.crashes === crashes && counts.suspicions === suspicions && record === undefined;
        const { arrived, queue, properties: came } = delivery;
        const stays = then.at === "front" && then.due === undefined && same && !delivery.detached;
        // What cannot be read could only be sent without its properties.
        if ((stays && !this.#isCounted(arrived)) || (came === undefined && !delivery.detached)) return "reject";
        try {
          return lighter({ ...counts, attempts }, (luggage) => {
            const changes = { ...luggageHeaders(luggage), ...againFor(arrived.delivery, delivery.begun, then.began) };
            const properties = { ...sentOn(came, changes), messageId: crypto.randomUUID() };
            // What waits would come at the end of its time to live.
            if (then.due !== undefined) properties.expiration = undefined;
            return packer.wrap({ queue, place: "task", due: then.due, properties, body: arrived.delivery.body });
          });
        } catch (error) {
          // Its sender filled the frame.
          if (stays && isTooLarge(error)) return "reject";
          throw error;
        }
      }
    }
  }
}

/**
 * The same for each letter of a try of a task: who dies between the letter and the message's acknowledgement leaves a second one to be made, and the
 * two count as one.
 */
function letterKey({ message }: RabbitDelivery, id: string | undefined): string {
  if (id === undefined || "malformed" in message) return crypto.randomUUID();
  const retries = JSON.stringify(message.headers["retries"] ?? 0);
  return createHash("sha256").update(`${id} ${retries}`).digest("base64url").slice(0, 22);
}

/** Without its records where they do not fit beside the sender's headers. */
function lighter(luggage: Luggage, pack: (luggage: Luggage) => Parcel): Parcel {
  try {
    return pack(luggage);
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    return pack({ ...luggage, attempts: [] });
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof CeleriacError && error.code === "MESSAGE_TOO_LARGE";
}

function refusedToSend(parcel: Parcel, answer: Extract<Published, { kind: "refused" }>): CeleriacError {
  const code = {
    full: "QUEUE_FULL",
    unroutable: "UNROUTABLE",
    "too-large": "MESSAGE_TOO_LARGE",
    unsupported: "NOT_SUPPORTED",
  } as const;
  return new CeleriacError(
    code[answer.reason],
    `a message that had to be sent before another could be settled was refused: ${answer.detail}; it is tried again.`,
    { details: { queue: parcel.queue } },
  );
}
