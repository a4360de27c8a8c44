/** A dead letter: the message as it came, properties, headers and body, with its facts in one more header. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { recordsOf } from "../../port/attempt-records.ts";
import type { DeadLetter } from "../../port/queue-admin.ts";
import { attemptsHeader, cutAttempts } from "./attempts.ts";
import { deadQueue } from "./declarations.ts";
import type { RabbitDelivery } from "./delivery.ts";
import type { Packer, Parcel } from "./parcel.ts";
import {
  againHeader,
  crashesHeader,
  letterHeader,
  messageOf,
  rawOf,
  sentOn,
  suspicionsHeader,
  type Arrival,
} from "./received.ts";

/** Characters; the detail repeats what the last attempt says at length. */
const longestDetail = 4096;

const reasons: readonly DeadLetter["reason"][] = [
  "undecodable",
  "refused-content",
  "refused-signature",
  "unknown-task",
  "invalid-input",
  "crashed",
  "exhausted",
  "rejected",
];

/** The same letter each time it is asked for one settlement, so `key` is the caller's to keep. */
export function packLetter(packer: Packer, delivery: RabbitDelivery, letter: DeadLetter): Parcel {
  const { id, task, queue, reason, at, detail } = letter;
  const attempts = cutAttempts(letter.attempts);
  const { properties } = delivery;
  const bare = properties?.headers === undefined;
  const facts = { key: letter.key, id, task, queue, reason, at, detail: detail.slice(0, longestDetail), bare };
  const whole = JSON.stringify({ ...facts, attempts });
  const short = JSON.stringify({ ...facts, detail: detail.slice(0, 200), attempts: [] });
  const changes = { [attemptsHeader]: undefined };
  const without = properties === undefined ? undefined : { ...properties, headers: undefined };
  // Headers that fill their frame leave no room for the facts; the facts come first, for without them it would lie there unseen.
  const variants = [
    sentOn(properties, { ...changes, [letterHeader]: whole }),
    sentOn(properties, { ...changes, [letterHeader]: short }),
  ];
  for (const variant of [...variants, sentOn(without, { [letterHeader]: short })]) {
    try {
      return packer.wrap({
        queue: deadQueue(delivery.queue),
        place: "dead",
        due: undefined,
        // Celery's `expires` is a time to live of the message: a letter has none.
        properties: { ...variant, expiration: undefined },
        body: delivery.arrived.delivery.body,
      });
    } catch (error) {
      if (!(error instanceof CeleriacError) || error.code !== "MESSAGE_TOO_LARGE") throw error;
    }
  }
  throw new CeleriacError(
    "MESSAGE_TOO_LARGE",
    `the facts of a dead letter of queue ${delivery.queue} do not fit into a header.`,
  );
}

/** A letter in its queue. */
export interface StoredLetter {
  readonly letter: DeadLetter;
  /** What it was before it was given up, its counts cleared. */
  readonly original: Pick<Parcel, "properties" | "body">;
}

/** Undefined for what this driver did not write. The letter's key names its queue too. */
export function readLetter(arrival: Arrival, queue: string): StoredLetter | undefined {
  const facts = factsOf(arrival.properties?.headers?.[letterHeader]);
  if (facts === undefined) return undefined;
  const { properties, body } = arrival;
  const original = facts.bare === true ? { ...properties, headers: undefined } : properties;
  const message = messageOf({ ...arrival, properties: original });
  const marks = [letterHeader, crashesHeader, suspicionsHeader, againHeader];
  const cleared = Object.fromEntries(marks.map((name) => [name, undefined]));
  return {
    letter: {
      key: `${queue}/${facts.key}`,
      id: typeof facts.id === "string" ? facts.id : undefined,
      task: typeof facts.task === "string" ? facts.task : undefined,
      queue,
      reason: reasons.find((reason) => reason === facts.reason) ?? "rejected",
      at: typeof facts.at === "number" ? facts.at : 0,
      raw: rawOf(message, arrival, queue),
      attempts: recordsOf(facts.attempts),
      detail: typeof facts.detail === "string" ? facts.detail : "",
    },
    original: { properties: { ...sentOn(original, cleared), messageId: crypto.randomUUID() }, body },
  };
}

/** Queue and letter. Names of queues have no slash. */
export function queueOfKey(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf("/")));
}

/** Whoever may send to the queue may have written them. */
type Facts = { readonly [fact in Exclude<keyof DeadLetter, "key"> | "bare"]?: unknown } & { readonly key: string };

function factsOf(text: unknown): Facts | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const facts: unknown = JSON.parse(text);
    return typeof facts === "object" && facts !== null && "key" in facts && typeof facts.key === "string"
      ? (facts as Facts)
      : undefined;
  } catch {
    return undefined;
  }
}
