/** The properties of class basic: a word of flags, then those that are there, in the specification's order. */

import { type ByteReader, SyntaxFault } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Properties } from "./client.ts";
import { readTable, writeTable } from "./field-table.ts";

const flag = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
  clusterId: 0x0004,
  more: 0x0001,
} as const;

export function writeProperties(out: ByteWriter, properties: Properties): void {
  const mark = out.mark;
  let flags = 0;
  out.u16(0);
  if (properties.contentType !== undefined) {
    flags |= flag.contentType;
    out.shortString(properties.contentType, "content type");
  }
  if (properties.contentEncoding !== undefined) {
    flags |= flag.contentEncoding;
    out.shortString(properties.contentEncoding, "content encoding");
  }
  if (properties.headers !== undefined) {
    flags |= flag.headers;
    writeTable(out, properties.headers);
  }
  if (properties.deliveryMode !== undefined) {
    flags |= flag.deliveryMode;
    out.u8(properties.deliveryMode);
  }
  if (properties.priority !== undefined) {
    flags |= flag.priority;
    out.u8(properties.priority);
  }
  if (properties.correlationId !== undefined) {
    flags |= flag.correlationId;
    out.shortString(properties.correlationId, "correlation id");
  }
  if (properties.replyTo !== undefined) {
    flags |= flag.replyTo;
    out.shortString(properties.replyTo, "reply queue");
  }
  if (properties.expiration !== undefined) {
    flags |= flag.expiration;
    out.shortString(properties.expiration, "expiration");
  }
  if (properties.messageId !== undefined) {
    flags |= flag.messageId;
    out.shortString(properties.messageId, "message id");
  }
  if (properties.timestamp !== undefined) {
    flags |= flag.timestamp;
    out.i64(properties.timestamp);
  }
  if (properties.type !== undefined) {
    flags |= flag.type;
    out.shortString(properties.type, "message type");
  }
  if (properties.userId !== undefined) {
    flags |= flag.userId;
    out.shortString(properties.userId, "user id");
  }
  if (properties.appId !== undefined) {
    flags |= flag.appId;
    out.shortString(properties.appId, "app id");
  }
  out.patch16(mark, flags);
}

/** Throws a `SyntaxFault`. */
export function readProperties(bytes: ByteReader): Properties {
  const flags = bytes.u16();
  if ((flags & flag.more) !== 0) throw new SyntaxFault("it has properties that the specification doesn't know");
  const contentType = (flags & flag.contentType) === 0 ? undefined : bytes.name();
  const contentEncoding = (flags & flag.contentEncoding) === 0 ? undefined : bytes.name();
  const headers = (flags & flag.headers) === 0 ? undefined : readTable(bytes);
  const deliveryMode = (flags & flag.deliveryMode) === 0 ? undefined : persistence(bytes.u8());
  const priority = (flags & flag.priority) === 0 ? undefined : bytes.u8();
  const correlationId = (flags & flag.correlationId) === 0 ? undefined : bytes.shortString();
  const replyTo = (flags & flag.replyTo) === 0 ? undefined : bytes.name();
  const expiration = (flags & flag.expiration) === 0 ? undefined : bytes.shortString();
  const messageId = (flags & flag.messageId) === 0 ? undefined : bytes.shortString();
  const timestamp = (flags & flag.timestamp) === 0 ? undefined : bytes.u64();
  const type = (flags & flag.type) === 0 ? undefined : bytes.name();
  const userId = (flags & flag.userId) === 0 ? undefined : bytes.name();
  const appId = (flags & flag.appId) === 0 ? undefined : bytes.name();
  if ((flags & flag.clusterId) !== 0) bytes.shortString();
  return {
    contentType,
    contentEncoding,
    headers,
    deliveryMode,
    priority,
    correlationId,
    replyTo,
    expiration,
    messageId,
    timestamp,
    type,
    userId,
    appId,
  };
}

/** RabbitMQ keeps only messages with exactly 2. */
function persistence(mode: number): 1 | 2 {
  return mode === 2 ? 2 : 1;
}
