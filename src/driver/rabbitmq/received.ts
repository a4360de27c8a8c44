/** A message of AMQP as one of ours, and back: what others wrote stays as it was, what only this driver and the broker use is taken off. */

import { isPlainName, upTo } from "../../port/start-law.ts";
import type { Fence } from "../../port/units.ts";
import { encodeEnvelope, readMarks } from "../../wire/envelope.ts";
import type { Malformed, Message, MessageProperties } from "../../wire/message.ts";
import { bufferOf } from "../../wire/utf8.ts";
import type { AmqpDelivery, FieldTable, Properties } from "./amqp/client.ts";
import { attemptsHeader } from "./attempts.ts";

/** JSON of a dead letter's facts, on its message. */
export const letterHeader = "celeriac.letter";
/** A priority that AMQP's octet cannot hold. */
export const priorityHeader = "celeriac.priority";
export const crashesHeader = "celeriac.crashes";
export const suspicionsHeader = "celeriac.suspicions";
/**
 * On a message that was handed out before: the server forgets that when it is sent anew. The names under which it was, with commas
 * between; or `:` and the fence of its last start, where a ledger told it; or `true`, where nothing is known.
 */
export const againHeader = "celeriac.again";

/** Other each time a message is written to a server, also where that is a repeat under the same message id. */
export const copyHeader = "celeriac.copy";

/** In which RabbitMQ notes where a message has been: a message that is sent on starts anew. */
const infrastructure = /^(?:x-death$|x-first-death-|x-last-death-|x-delivery-count$|x-acquired-count$)/;
const own: ReadonlySet<string> = new Set([againHeader, attemptsHeader, copyHeader, letterHeader, priorityHeader]);
const deepest = 60;
/** Of those of a message that comes again and again: a kilobyte. What has had more is not told apart. */
const mostNames = 32;
/** Other programs' ids may hold anything. */
const nameLike = /^[\w.:-]{1,64}$/;

/** What arrived: a delivery, or one read from a queue of dead letters. */
export interface Arrival {
  readonly properties: Properties | undefined;
  readonly fault: string | undefined;
  readonly body: Uint8Array;
}

export function messageOf(arrival: Arrival): Message | Malformed {
  const { properties, fault, body } = arrival;
  if (properties === undefined) return malformed(`its header cannot be read: ${fault ?? "no reason is known"}`);
  if (properties.headers === undefined) return malformed("the message has no headers");
  if (properties.contentType === undefined) return malformed("the message has no content type");
  const headers = Object.create(null) as Record<string, unknown>;
  const { headers: arrived } = properties;
  for (const name of Object.keys(arrived))
    if (!own.has(name) && !isInfrastructure(name)) headers[name] = plain(arrived[name], 0);
  return {
    headers,
    properties: propertiesOf(properties),
    contentType: properties.contentType,
    contentEncoding: properties.contentEncoding ?? "utf-8",
    body,
  };
}

/** The envelope's text; the body alone of what cannot be read. */
export function rawOf(message: Message | Malformed, arrival: Arrival, queue: string): Uint8Array {
  if ("malformed" in message) return arrival.body;
  // Quorum queues sort headers when they give a message out again: it is the same message all the same.
  const entries = Object.entries(message.headers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const headers = Object.fromEntries(entries);
  return bufferOf(Buffer.from(encodeEnvelope({ ...message, headers }, queue, message.properties.messageId ?? "")));
}

export function countsOf(message: Message | Malformed): { readonly crashes: number; readonly suspicions: number } {
  return "malformed" in message ? { crashes: 0, suspicions: 0 } : readMarks(message);
}

/** It was handed out before, by the server's word or by ours. */
export function cameAgain({ redelivered, properties }: Pick<AmqpDelivery, "redelivered" | "properties">): boolean {
  return isBack({ redelivered, properties }) || againOf(properties) !== undefined;
}

/**
 * Which of the copies of a message it is; of what others sent, its message id, for they do not send one twice. Where the queue counts
 * how often it was handed out, with that, so that each of those is told apart.
 */
export function nameOf(properties: Properties | undefined): string | undefined {
  const name = baseOf(properties);
  return name === undefined ? undefined : nameAt(name, deliveryCount(properties) ?? 0);
}

/**
 * With the second in which its delay ended: a server that is killed over that moves a message on a second time when it is back, and both copies are
 * the same in all else.
 */
function baseOf(properties: Properties | undefined): string | undefined {
  const { [copyHeader]: copy, "x-death": deaths } = properties?.headers ?? {};
  const name = typeof copy === "string" ? copy : properties?.messageId;
  const last: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  const time = (last as { readonly time?: unknown } | undefined)?.time;
  return name === undefined || !(time instanceof Date) ? name : `${name}-${String(Math.floor(time.getTime() / 1000))}`;
}

const nameAt = (name: string, count: number): string => (count > 0 ? `${name}.${String(count)}` : name);

/**
 * The names under which it may have been begun before, for a ledger to compare. For a message may lie here twice: it was sent or put back,
 * and whether the server took that is not known; or it did, and the link broke before the one that it replaces was acknowledged. Each of
 * the two looks as if its holder were gone, and the other one runs. `undefined`: it cannot be told.
 */
export function formerNames(delivery: Pick<AmqpDelivery, "redelivered" | "properties">): readonly string[] | undefined {
  const { properties } = delivery;
  const again = againOf(properties);
  if (again === true) return undefined;
  if (!isBack(delivery)) return again ?? [];
  const name = baseOf(properties);
  const count = deliveryCount(properties) ?? 0;
  if (name === undefined || !isPlainName(name) || count >= mostNames) return undefined;
  // Up to its own: not every end of a holder is counted.
  return [...(again ?? []), ...Array.from({ length: count + 1 }, (_, before) => nameAt(name, before))];
}

/**
 * The header of what is sent anew, so that it is known to have been handed out. `begun`: it was begun under its own name. `last`: the last
 * start that it can have been left behind by.
 */
export function againFor(
  delivery: Pick<AmqpDelivery, "redelivered" | "properties">,
  begun: boolean,
  last?: Fence,
): FieldTable {
  if (last !== undefined) return { [againHeader]: upTo(last) };
  if (!begun && !cameAgain(delivery)) return {};
  const names = formerNames({ ...delivery, redelivered: begun || delivery.redelivered });
  const plain = names?.every((name) => nameLike.test(name)) === true && names.length <= mostNames;
  return { [againHeader]: plain && names.length > 0 ? [...new Set(names)].join() : true };
}

/** The server has handed this very message out before. */
function isBack({ redelivered, properties }: Pick<AmqpDelivery, "redelivered" | "properties">): boolean {
  return redelivered || (deliveryCount(properties) ?? 0) > 0;
}

function againOf(properties: Properties | undefined): true | readonly string[] | undefined {
  const again = properties?.headers?.[againHeader];
  if (typeof again === "string") return again.split(",");
  return again === true ? true : undefined;
}

/** How often a quorum queue handed it out before; `undefined` from any other queue. */
export function deliveryCount(properties: Properties | undefined): number | undefined {
  const count = properties?.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : undefined;
}

/**
 * The properties to send it on with: as they came, `headers` changed by `changes`, where `undefined` takes one away. A message without
 * headers stays without, unless it gets some.
 */
export function sentOn(properties: Properties | undefined, changes: FieldTable): Properties {
  const headers = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(properties?.headers ?? {}))
    if (!isInfrastructure(name)) headers[name] = value;
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) delete headers[name];
    else headers[name] = value;
  const bare = properties?.headers === undefined && Object.keys(headers).length === 0;
  // RabbitMQ refuses a user id that is not the connection's own.
  return { ...properties, headers: bare ? undefined : headers, userId: undefined, deliveryMode: 2 };
}

/** And the wish for copies in other queues, which has been granted. Asked for each header of each message: most begin otherwise. */
function isInfrastructure(name: string): boolean {
  return name.startsWith("x-") ? infrastructure.test(name) : name === "CC" || name === "BCC";
}

function propertiesOf(properties: Properties): MessageProperties {
  const { correlationId, replyTo, messageId, headers } = properties;
  const odd = headers?.[priorityHeader];
  const priority = typeof odd === "number" ? odd : properties.priority;
  return {
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(priority === undefined ? {} : { priority }),
    ...(messageId === undefined ? {} : { messageId }),
  };
}

/** What JSON has no word for, as text: an envelope of it must be writable. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > deepest) return "…";
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return bufferOf(value).toString("base64");
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member, depth + 1)]));
}

function malformed(reason: string): Malformed {
  return { malformed: true, reason, code: "MESSAGE_UNDECODABLE" };
}
