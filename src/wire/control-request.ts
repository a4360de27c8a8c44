/** The other side of remote control: a request as a worker reads it, and its answer, both as Celery's workers have them. */

import { jsonContentType, openBody } from "./content.ts";
import { parseJson, stringifyJson } from "./json.ts";
import type { Message } from "./message.ts";
import { isRecord } from "./record.ts";

export interface ReceivedRequest {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Meant for some nodes only, by name or by pattern. */
  readonly selective: boolean;
  /** Where the answer goes; absent where none is wanted. */
  readonly answer: { readonly ticket: string; readonly inbox: string } | undefined;
  /** Lamport time of the sender; 0 if it said none. */
  readonly clock: number;
}

/** Thousands of ids fit, nothing larger is a command. */
const maxRequestBytes = 4 * 1024 * 1024;
const requestLimits = { depth: 32, keys: 10_000 };
const longestMethod = 100;
const longestPattern = 200;

/** `undefined` for what is no request, or is not meant for `node`. */
export function readControlRequest(message: Message, node: string): ReceivedRequest | undefined {
  let body: unknown;
  try {
    body = parseJson(openBody(message, undefined, maxRequestBytes), requestLimits);
  } catch {
    return undefined; // whoever reaches the broker can write to its channels
  }
  if (!isRecord(body)) return undefined;
  const { method, arguments: named, ticket, reply_to: replyTo } = body;
  if (typeof method !== "string" || method.length > longestMethod || !isMeant(body, node)) return undefined;
  const inbox = isRecord(replyTo) ? replyTo["routing_key"] : undefined;
  const { clock } = message.headers;
  return {
    method,
    arguments: isRecord(named) ? named : {},
    selective: isFull(body["destination"]) || (isFull(body["pattern"]) && isFull(body["matcher"])),
    answer: typeof ticket === "string" && typeof inbox === "string" && inbox !== "" ? { ticket, inbox } : undefined,
    clock: typeof clock === "number" ? clock : 0,
  };
}

/** Throws NOT_SERIALIZABLE. */
export function makeControlReply(node: string, payload: unknown, ticket: string, clock: number): Message {
  return {
    headers: { ticket, clock },
    properties: {},
    contentType: jsonContentType,
    contentEncoding: "utf-8",
    body: Buffer.from(stringifyJson({ [node]: payload }, { root: "reply", limits: { depth: 80 } })),
  };
}

function isMeant({ destination, pattern, matcher }: Readonly<Record<string, unknown>>, node: string): boolean {
  if (isFull(destination)) {
    // Python's `in`: a text is looked through, a list is looked up.
    return typeof destination === "string"
      ? destination.includes(node)
      : Array.isArray(destination) && destination.includes(node);
  }
  if (!isFull(pattern) || !isFull(matcher)) return true;
  if (typeof pattern !== "string" || pattern.length > longestPattern) return false;
  const expression = matcher === "glob" ? globOf(pattern) : matcher === "pcre" ? plainExpression(pattern) : undefined;
  return expression?.test(node) === true;
}

/** Python's idea of what is there. */
function isFull(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "" && value !== false && value !== 0;
}

/** `*`, `?` and `[…]`. Stars in a row are one, or they would be tried in all ways of sharing a name between them. */
function globOf(pattern: string): RegExp | undefined {
  const parts = pattern.match(/\*+|\?|\[!?\]?[^\]]*\]|[^]/g) ?? [];
  if (parts.filter((part) => part.startsWith("*")).length > mostRepeats) return undefined;
  const source = parts.map((part) => {
    if (part.startsWith("*")) return ".*";
    if (part === "?") return ".";
    if (part.length > 1) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  });
  return expression(`^${source.join("")}$`);
}

/** Repeats in one pattern: a name of 255 letters is gone through that many times deep at most. */
const mostRepeats = 3;

/** From its start, as Python matches. Repeated groups and references back can take for ever; such a pattern selects nobody. */
function plainExpression(pattern: string): RegExp | undefined {
  const repeats = pattern.match(/[*+{]/g)?.length ?? 0;
  if (repeats > mostRepeats || /\)[*+?{]|\\[1-9k]/.test(pattern)) return undefined;
  return expression(`^(?:${pattern})`);
}

function expression(source: string): RegExp | undefined {
  try {
    return new RegExp(source, "s");
  } catch {
    return undefined; // no pattern, so it selects nobody
  }
}
