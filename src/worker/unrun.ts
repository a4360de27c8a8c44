/**
 * The ends of messages that no task runs for: what came too late, what nobody can read or run. They are told as a run's end is: error
 * callbacks are sent, what waits for them ends with them, and the chords that they are members of count them as failed.
 */

import type { TaskLimit } from "../control/facts.ts";
import type { Delivery, Settlement } from "../port/broker.ts";
import type { OpenJoin } from "../port/joins.ts";
import type { DeadLetter } from "../port/queue-admin.ts";
import type { ResultWrite } from "../port/result-store.ts";
import type { TaskRegistry } from "../task/registry.ts";
import { openBody } from "../wire/content.ts";
import { celeryException, type WireException } from "../wire/exception.ts";
import { stringifyJson } from "../wire/json.ts";
import { type Embed, splitTaskBody } from "../wire/task-body.ts";
import type { Keyring } from "../wire/signing.ts";
import { readTaskHeaders, type TaskHeaders } from "../wire/task-message.ts";
import { arrivalsOf, ownArrival, waitersOf } from "./arrival.ts";
import { list } from "./ending.ts";
import type { Claim, Execution } from "./execution.ts";
import { type Follow, followFailure, nothingFollows } from "./follow.ts";
import { failureMeta, revokedError, revokedMeta } from "./result-write.ts";

const encoder = new TextEncoder();

export interface IntakeRules {
  readonly registry: TaskRegistry;
  /** How long a message with an unknown task is put back before it is buried, ms. Default 10 minutes. */
  readonly unknownTaskGrace: number;
  readonly maxMessageBytes: number;
  readonly resultTtl: number;
  readonly defaultQueue: string;
  readonly shared?: boolean | undefined;
  /** The store counts the members of chords. */
  readonly joins?: boolean | undefined;
  /** Somebody has said that this is not to run any more. Asked at intake, and again just before the run. */
  readonly revoked?: ((headers: TaskHeaders) => boolean) | undefined;
  /** Whose signatures are taken, and from which queues also what has none. Absent: nothing is asked for. */
  readonly signing?: SignatureRules | undefined;
  /** Limits that were set while it runs. */
  readonly limitOf?: ((task: string) => TaskLimit | undefined) | undefined;
}

export interface SignatureRules extends Pick<Keyring, "keys"> {
  readonly acceptUnsigned: ReadonlySet<string>;
}

/** What is looked at: a delivery, and whose word on its claim counts. */
export interface Look {
  readonly delivery: Delivery;
  readonly claim: Claim;
  readonly now: number;
}

/** What ended without a run, and what is stored and sent with that. */
export type Unrun = Withdrawn | Dead;

interface Withdrawn extends Consequences {
  readonly kind: "expired" | "revoked";
  readonly headers: TaskHeaders;
}

export interface Dead extends Consequences {
  readonly kind: "dead";
  readonly reason: DeadLetter["reason"];
  readonly error: WireException;
  readonly headers: TaskHeaders | undefined;
}

interface Consequences {
  readonly settlement: Settlement;
  /** Results of what waits for it, which will not run. */
  readonly also: readonly ResultWrite[];
  /** Chords among its error callbacks. */
  readonly opens: readonly OpenJoin[];
}

/** What came too late, or is not wanted any more. */
export function withdrawn(
  rules: IntakeRules,
  { delivery, claim, now }: Look,
  headers: TaskHeaders,
  body: Uint8Array,
  keeps: boolean,
  why: "expired" | "revoked",
): Withdrawn {
  const write = (id: string): ResultWrite => revokedMeta({ ...headers, id }, why, claim.fence, now, rules.resultTtl);
  const embed = embedIn(body);
  const end = { state: "REVOKED", value: encoder.encode(stringifyJson(revokedError(why))) } as const;
  const arrive = embed ? arrivalsOf(headers, embed, end) : ownArrival(headers, undefined, end);
  return {
    kind: why,
    headers,
    settlement: {
      delivery,
      then: { kind: "ack" },
      ...(keeps && { result: write(headers.id) }),
      ...list("arrive", arrive),
    },
    also: embed ? waitersOf(embed).ids.map(write) : [],
    opens: [],
  };
}

/** `undefined` where nobody can read it: then nobody knows what follows. */
function embedIn(body: Uint8Array): Embed | undefined {
  try {
    return splitTaskBody(body).embed;
  } catch {
    return undefined;
  }
}

const deadErrors: Partial<Record<DeadLetter["reason"], (task: string, detail: string) => WireException>> = {
  "unknown-task": (task) => celeryException("NotRegistered", task),
  "refused-content": (_task, detail) => celeryException("ContentDisallowed", detail),
  crashed: (_task, detail) => celeryException("WorkerLostError", detail),
};

/** What nobody will run: kept apart; error callbacks are told, and what waits for it ends with it, where that can be read. */
export function dead(
  rules: IntakeRules,
  { delivery, claim, now }: Look,
  headers: TaskHeaders | undefined,
  reason: DeadLetter["reason"],
  detail: string,
): Dead {
  const known = headers ?? namesOf(delivery);
  const error = deadErrors[reason]?.(known?.task ?? "", detail) ?? celeryException("DecodeError", detail);
  const write = (of: Pick<TaskHeaders, "id">, outcome?: "dead"): ResultWrite =>
    failureMeta(of, error, null, claim.fence, now, rules.resultTtl, outcome);
  const embed = headers && familyOf(delivery, rules.maxMessageBytes)?.embed;
  const end = { state: "FAILURE", value: encoder.encode(stringifyJson(error)) } as const;
  const arrive = known === undefined ? [] : embed ? arrivalsOf(known, embed, end) : ownArrival(known, embed, end);
  const follow = headers && embed ? told(rules, headers, embed, now) : nothingFollows;
  return {
    kind: "dead",
    reason,
    error,
    headers,
    settlement: {
      delivery,
      then: { kind: "bury", letter: letterOf(delivery, known, reason, detail, now) },
      ...(known && { result: write(known, "dead") }),
      ...list("follow", follow.sends),
      ...list("arrive", arrive),
    },
    also: embed ? waitersOf(embed).ids.map((id) => write({ ...headers, id })) : [],
    opens: follow.opens,
  };
}

/**
 * What nobody with a key has sent, kept apart and nothing else: it may bear the id of a task that was, so no result is stored under that, no
 * chord hears of it, and none of what it brings along is sent.
 */
export function refusedSignature({ delivery, now }: Pick<Look, "delivery" | "now">, detail: string): Dead {
  const reason = "refused-signature";
  return {
    kind: "dead",
    reason,
    error: celeryException("SecurityError", detail),
    headers: undefined,
    settlement: {
      delivery,
      then: { kind: "bury", letter: letterOf(delivery, namesOf(delivery), reason, detail, now) },
    },
    also: [],
    opens: [],
  };
}

/** Error callbacks that nobody can send are not sent: the letter is what must not be lost over them. */
function told(
  { registry, defaultQueue, shared }: IntakeRules,
  headers: TaskHeaders,
  embed: Embed,
  now: number,
): Follow {
  try {
    return followFailure({ registry, defaultQueue, shared, now }, headers, embed);
  } catch {
    return nothingFollows;
  }
}

/** What follows a message that is not run here; `undefined` where nobody can read that. */
export function familyOf(
  { message }: Delivery,
  maxMessageBytes: number,
): Pick<Execution, "headers" | "embed"> | undefined {
  if ("malformed" in message) return undefined;
  try {
    const headers = readTaskHeaders(message);
    return { headers, embed: splitTaskBody(openBody(message, headers.compression, maxMessageBytes)).embed };
  } catch {
    return undefined;
  }
}

/** What a message whose headers are not all right says of itself: whoever waits for it should be told, if it can be named at all. */
export function namesOf(delivery: Delivery): Pick<TaskHeaders, "id" | "task" | "group" | "groupIndex"> | undefined {
  if ("malformed" in delivery.message) return undefined;
  const { id, task, group, group_index: index } = delivery.message.headers;
  if (typeof id !== "string" || id === "" || id.length > 255) return undefined;
  return {
    id,
    task: typeof task === "string" ? task.slice(0, 255) : "",
    group: typeof group === "string" && group !== "" && group.length <= 255 ? group : undefined,
    groupIndex: typeof index === "number" ? index : undefined,
  };
}

export function letterOf(
  delivery: Delivery,
  headers: Pick<TaskHeaders, "id" | "task"> | undefined,
  reason: DeadLetter["reason"],
  detail: string,
  at: number,
): DeadLetter {
  return {
    // The broker files it under a key of its own; the claim's fence is unique on that broker until then.
    key: String(delivery.fence),
    id: headers?.id,
    task: headers?.task,
    queue: delivery.queue,
    reason,
    at,
    raw: delivery.raw,
    attempts: [],
    detail,
  };
}
