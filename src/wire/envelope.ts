/**
 * A message as one piece of text: kombu's envelope for Redis, and the same without the body for stores that keep it apart.
 * Reading never throws; what cannot be read is a value too, so that it can be buried like any other.
 */

import { Buffer } from "node:buffer";

import { CeleriacError } from "../error/celeriac-error.ts";
import { bodyApart, bodyMark } from "./body-apart.ts";
import { jsonContentType } from "./content.ts";
import { parseJson, stringifyJson } from "./json.ts";
import { membersOf, skipSpace } from "./json-scan.ts";
import type { Malformed, Message, MessageProperties } from "./message.ts";
import { bufferOf, textOf } from "./utf8.ts";

export { type Marks, readMarks, spliceMarks } from "./marks.ts";

/** Characters of all headers together. Celery's own take about 600, printed arguments up to 2 × 1024 more. */
export const maxHeadLength: number = 32 * 1024;
const quote = 34;
const backslash = 92;
const firstPrintable = 32;
const headersRoot = { root: "headers" } as const;
const usualContent = contentOf({ contentEncoding: "utf-8", contentType: jsonContentType });

/** Bytes of a body that is looked at, and that many in the middle of it stand for the rest. */
const sample = 256;
/** Of so many bytes one that JSON escapes: to write and to read it as text takes about as long as base64, which is a third longer. */
const bytesPerEscape = 64;

/**
 * Throws NOT_SERIALIZABLE for headers that cannot be written. `packed`: base64 whatever the body is. Otherwise as text, unless it is long
 * and full of what would have to be escaped: a kilobyte of rows takes 9 µs to write and read as text and 4 as base64, ten of them 72 and
 * 15, and 12 % more bytes. A body that is text has no `body_encoding`: kombu before 5.3 knows only
 * base64, and a worker with it ends at once, the message lost, when a message says "utf-8".
 */
export function encodeEnvelope(
  message: Message,
  queue: string,
  deliveryTag: string,
  packed: boolean = isFullOfEscapes(message.body),
): string {
  const asText =
    !packed && message.contentEncoding === "utf-8" && message.headers["compression"] === undefined
      ? textOf(message.body)
      : undefined;
  const body = asText === undefined ? `"${bufferOf(message.body).toString("base64")}"` : JSON.stringify(asText);
  const { correlationId, replyTo, priority, messageId } = message.properties;
  const tag = quoted(deliveryTag);
  return (
    `{"body":${body},${isUsual(message) ? usualContent : contentOf(message)},` +
    `"headers":${stringifyJson(message.headers, headersRoot)},"properties":{` +
    (correlationId === undefined
      ? ""
      : `"correlation_id":${correlationId === deliveryTag ? tag : quoted(correlationId)},`) +
    (replyTo === undefined ? "" : `"reply_to":${quoted(replyTo)},`) +
    `"delivery_mode":2,"delivery_info":{"exchange":"","routing_key":${quoted(queue)}},"priority":${priority ?? 0},` +
    (asText === undefined ? '"body_encoding":"base64",' : "") +
    (messageId === undefined ? "" : `"message_id":${quoted(messageId)},`) +
    `"delivery_tag":${tag}}}`
  );
}

function isFullOfEscapes(body: Uint8Array): boolean {
  if (body.length < 2 * sample) return false;
  const from = (body.length - sample) >>> 1;
  let escapes = 0;
  for (let at = from; at < from + sample; at++) {
    const byte = body[at] ?? 0;
    if (byte === quote || byte === backslash || byte < firstPrintable) escapes++;
  }
  return escapes * bytesPerEscape >= sample;
}

/** Never throws. */
export function decodeEnvelope(raw: string | Uint8Array): Message | Malformed {
  if (typeof raw === "string") return decodeText(raw);
  const apart = bodyApart(bufferOf(raw));
  if (apart !== undefined) {
    const message = decodeText(apart.rest, apart.body);
    if (!("malformed" in message)) return message;
  }
  const text = textOf(raw);
  return text === undefined ? malformed("the message is not UTF-8") : decodeText(text);
}

/** `apart`: the body, which in `text` is `bodyMark`. */
function decodeText(text: string, apart?: Buffer): Message | Malformed {
  const envelope = recordOf(text);
  if (envelope instanceof Error) return malformed(envelope.message);
  const { headers, properties } = envelope;
  const told = envelope["body"];
  const body = typeof told === "string" ? told : told === bodyMark ? apart : undefined;
  if (body === undefined) return malformed("the message has no body");
  if (!isRecord(headers)) return malformed("the message has no headers");
  const contentType = envelope["content-type"];
  if (typeof contentType !== "string") return malformed("the message has no content type");
  const around = typeof body === "string" ? text.length - body.length : text.length;
  if (around > maxHeadLength && headLength(text) > maxHeadLength)
    return malformed(`its headers take more than ${maxHeadLength} characters`);
  const encoding = envelope["content-encoding"];
  const bytes = bodyOf(body, isRecord(properties) ? properties["body_encoding"] : undefined);
  if (bytes === undefined) return malformed("its body_encoding is neither base64 nor utf-8");
  return {
    headers: Object.setPrototypeOf(headers, null) as Record<string, unknown>,
    properties: propertiesOf(properties),
    contentType,
    contentEncoding: typeof encoding === "string" ? encoding : "utf-8",
    body: bytes,
  };
}

/** Headers and properties alone, for stores that keep the body in a column of its own. Throws NOT_SERIALIZABLE. */
export function encodeHead(message: Message): string {
  const { correlationId, replyTo, priority, messageId } = message.properties;
  const properties = {
    correlation_id: correlationId,
    reply_to: replyTo,
    priority,
    message_id: messageId,
  };
  return (
    (isUsual(message) ? "{" : `{${contentOf(message)},`) +
    `"headers":${stringifyJson(message.headers, headersRoot)},"properties":${JSON.stringify(properties)}}`
  );
}

/** Never throws. */
export function decodeHead(head: string, body: Uint8Array): Message | Malformed {
  if (head.length > maxHeadLength) return malformed(`its headers take more than ${maxHeadLength} characters`);
  const record = recordOf(head);
  if (record instanceof Error) return malformed(record.message);
  const { headers } = record;
  if (!isRecord(headers)) return malformed("the message has no headers");
  const contentType = record["content-type"];
  const contentEncoding = record["content-encoding"];
  return {
    headers: Object.setPrototypeOf(headers, null) as Record<string, unknown>,
    properties: propertiesOf(record["properties"]),
    contentType: typeof contentType === "string" ? contentType : jsonContentType,
    contentEncoding: typeof contentEncoding === "string" ? contentEncoding : "utf-8",
    body,
  };
}

function recordOf(text: string): Record<string, unknown> | Error {
  try {
    const value = parseJson(text);
    return isRecord(value) ? value : new Error("the message is not a JSON object");
  } catch (error) {
    return error instanceof CeleriacError ? error : new Error("the message is not JSON");
  }
}

function bodyOf(body: string | Buffer, encoding: unknown): Uint8Array | undefined {
  if (encoding === "base64") return Buffer.from(typeof body === "string" ? body : body.toString("latin1"), "base64");
  const plain = encoding === undefined || encoding === null;
  if (!plain && (typeof encoding !== "string" || encoding.toLowerCase() !== "utf-8")) return undefined;
  return typeof body === "string" ? Buffer.from(body, "utf8") : body;
}

function propertiesOf(value: unknown): MessageProperties {
  const properties: { -readonly [K in keyof MessageProperties]: MessageProperties[K] } = {};
  if (!isRecord(value)) return properties;
  const { correlation_id, reply_to, priority, message_id } = value;
  if (typeof correlation_id === "string") properties.correlationId = correlation_id;
  if (typeof reply_to === "string") properties.replyTo = reply_to;
  if (typeof priority === "number" && Number.isFinite(priority)) properties.priority = priority;
  if (typeof message_id === "string") properties.messageId = message_id;
  return properties;
}

/** Length of the headers' text; escapes in the body make the cheap difference too large. */
function headLength(text: string): number {
  const headers = membersOf(text, skipSpace(text, 0))?.members.findLast((member) => member.key === "headers");
  return headers === undefined ? 0 : headers.to - headers.value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
function isUsual({ contentType, contentEncoding }: Message): boolean {
  return contentType === jsonContentType && contentEncoding === "utf-8";
}
function contentOf({ contentType, contentEncoding }: Pick<Message, "contentType" | "contentEncoding">): string {
  return `"content-encoding":${quoted(contentEncoding)},"content-type":${quoted(contentType)}`;
}
/** Ids and names rarely need escapes, but they come from others. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
function malformed(reason: string): Malformed {
  return { malformed: true, reason, code: "MESSAGE_UNDECODABLE" };
}
