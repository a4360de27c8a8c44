/** Remote control as Celery's workers understand it: a request that is broadcast, and answers that come to the inbox it names. */

import { jsonContentType, openBody } from "./content.ts";
import { parseJson, resultLimits, stringifyJson } from "./json.ts";
import type { Message } from "./message.ts";

/** Celery's `control_exchange`. */
export const controlNamespace = "celery";
const replyExchange = "reply.celery.pidbox";
/** Far above what any worker tells of itself; `conf` and `active` of a large one are some hundred kilobytes. */
const maxReplyBytes = 16 * 1024 * 1024;

export interface ControlRequest {
  readonly method: string;
  /** Handed to the worker's command as keyword arguments; one it does not know is an error there. */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Names of nodes; everyone without it. */
  readonly destination: readonly string[] | undefined;
  /** Comes back with each answer. Absent, with the inbox, where none is wanted. */
  readonly ticket?: string;
  /** The inbox. */
  readonly replyTo?: string;
  /** Unix ms. Workers do not look at it. Absent: never. */
  readonly expires?: number;
}

export function makeControlRequest(request: ControlRequest): Message {
  const { method, arguments: named, destination, ticket, replyTo, expires = 0 } = request;
  const body = {
    method,
    arguments: named,
    destination: destination ?? null,
    pattern: null,
    matcher: null,
    ...(ticket !== undefined && { ticket }),
    ...(replyTo !== undefined && { reply_to: { exchange: replyExchange, routing_key: replyTo } }),
  };
  return {
    // The logical clock of somebody who has seen nothing yet; a worker takes the larger one of this and its own.
    headers: { clock: 1, expires: expires / 1000 },
    properties: {},
    contentType: jsonContentType,
    contentEncoding: "utf-8",
    body: Buffer.from(stringifyJson(body)),
  };
}

/** What each node said, by its name: nearly always one. `undefined` for what answers another question, or is no answer. */
export function readControlReply(message: Message, ticket: string): ReadonlyMap<string, unknown> | undefined {
  if (message.headers["ticket"] !== ticket) return undefined;
  let answers: unknown;
  try {
    answers = parseJson(openBody(message, undefined, maxReplyBytes), resultLimits);
  } catch {
    return undefined; // whoever knows the inbox can write to it; the next answer may be a sound one
  }
  if (typeof answers !== "object" || answers === null || Array.isArray(answers)) return undefined;
  return new Map(Object.entries(answers));
}
