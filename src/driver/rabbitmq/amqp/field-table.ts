/**
 * Field tables: the headers of messages and the arguments of methods. Writes what every peer reads alike (integers as `I`, or `L` where
 * they don't fit: old py-amqp reads `b`, `s` and `l` wrongly); reads all tags of the specification and of RabbitMQ.
 */

import { CeleriacError } from "../../../error/celeriac-error.ts";
import { SyntaxFault, type ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { FieldTable } from "./client.ts";

/** Celery nests four deep, `x-death` three. */
export const deepest = 64;

const largest32 = 2 ** 31 - 1;
const largest64 = 2n ** 63n - 1n;
const latestTime = 8_640_000_000_000;

const tag = {
  t: 0x74,
  b: 0x62,
  B: 0x42,
  s: 0x73,
  u: 0x75,
  U: 0x55,
  I: 0x49,
  i: 0x69,
  l: 0x6c,
  L: 0x4c,
  f: 0x66,
  d: 0x64,
  D: 0x44,
  S: 0x53,
  A: 0x41,
  T: 0x54,
  F: 0x46,
  V: 0x56,
  x: 0x78,
} as const;

/** Throws NOT_SERIALIZABLE for what has no place in a table. `undefined` is left out. */
export function writeTable(out: ByteWriter, table: FieldTable, depth = 0): void {
  if (depth > deepest) throw unfit(`tables more than ${deepest} deep`);
  const mark = out.mark;
  out.u32(0);
  for (const key of Object.keys(table)) {
    const value = table[key];
    if (value === undefined) continue;
    out.shortString(key, "header name");
    writeValue(out, value, depth);
  }
  out.patch32(mark, out.mark - mark - 4);
}

function writeValue(out: ByteWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case "string":
      out.u8(tag.S);
      return out.longString(value);
    case "number":
      return writeNumber(out, value);
    case "boolean":
      out.u8(tag.t);
      return out.u8(value ? 1 : 0);
    case "bigint":
      if (value > largest64 || value < -largest64 - 1n) throw unfit("an integer of more than 64 bits");
      if (value <= largest32 && value >= -largest32) return writeNumber(out, Number(value));
      out.u8(tag.L);
      return out.bigInt64(value);
    case "undefined":
      return out.u8(tag.V);
    case "object":
      return value === null ? out.u8(tag.V) : writeObject(out, value, depth);
    case "function":
    case "symbol":
      throw unfit(`a ${typeof value}`);
  }
}

function writeNumber(out: ByteWriter, value: number): void {
  // RabbitMQ cannot read what is no number, and ends the connection.
  if (!Number.isFinite(value)) throw unfit(`${value}`);
  if (!Number.isSafeInteger(value)) {
    out.u8(tag.d);
    out.double(value);
  } else if (value <= largest32 && value >= -largest32) {
    out.u8(tag.I);
    out.u32(value);
  } else {
    out.u8(tag.L);
    out.i64(value);
  }
}

function writeObject(out: ByteWriter, value: object, depth: number): void {
  if (Array.isArray(value)) {
    if (depth >= deepest) throw unfit(`lists more than ${deepest} deep`);
    out.u8(tag.A);
    const mark = out.mark;
    out.u32(0);
    for (const item of value) writeValue(out, item, depth + 1);
    out.patch32(mark, out.mark - mark - 4);
  } else if (value instanceof Date) {
    const seconds = Math.floor(value.getTime() / 1000);
    if (!(seconds >= 0)) throw unfit("a date before 1970, or none,");
    out.u8(tag.T);
    out.i64(seconds);
  } else if (value instanceof Uint8Array) {
    out.u8(tag.x);
    out.longBytes(value);
  } else {
    out.u8(tag.F);
    writeTable(out, value as FieldTable, depth + 1);
  }
}

/** Throws a `SyntaxFault`. Keys are only data: the table has no prototype. */
export function readTable(bytes: ByteReader, depth = 0): Record<string, unknown> {
  const table = Object.create(null) as Record<string, unknown>;
  const outer = enter(bytes, depth);
  while (bytes.at < bytes.end) {
    const key = bytes.name();
    table[key] = readValue(bytes, depth);
  }
  bytes.end = outer;
  return table;
}

function readArray(bytes: ByteReader, depth: number): unknown[] {
  const items: unknown[] = [];
  const outer = enter(bytes, depth);
  while (bytes.at < bytes.end) items.push(readValue(bytes, depth));
  bytes.end = outer;
  return items;
}

/** Narrows the reader to the table or array that begins here; returns the end to go back to. */
function enter(bytes: ByteReader, depth: number): number {
  if (depth > deepest) throw new SyntaxFault(`its tables are more than ${deepest} deep`);
  const size = bytes.u32();
  const outer = bytes.end;
  if (size > outer - bytes.at)
    throw new SyntaxFault(`a table of ${size} bytes should follow, but only ${outer - bytes.at} do`);
  bytes.end = bytes.at + size;
  return outer;
}

function readValue(bytes: ByteReader, depth: number): unknown {
  const kind = bytes.u8();
  switch (kind) {
    case tag.S:
      return bytes.longString();
    case tag.V:
      return null;
    case tag.I:
      return bytes.i32();
    case tag.t:
      return bytes.u8() !== 0;
    case tag.A:
      return readArray(bytes, depth + 1);
    case tag.F:
      return readTable(bytes, depth + 1);
    case tag.b:
      return bytes.i8();
    case tag.B:
      return bytes.u8();
    // RabbitMQ and its clients mean 16 bits; the specification's short string is sent by nobody.
    case tag.s:
    case tag.U:
      return bytes.i16();
    case tag.u:
      return bytes.u16();
    case tag.i:
      return bytes.u32();
    case tag.l:
    case tag.L:
      return bytes.i64();
    case tag.f:
      return bytes.float();
    case tag.d:
      return bytes.double();
    case tag.D: {
      const scale = bytes.u8();
      return bytes.i32() / 10 ** scale;
    }
    case tag.T: {
      const seconds = bytes.u64();
      if (seconds > latestTime) throw new SyntaxFault(`a time of ${seconds} s is beyond what a date can hold`);
      return new Date(seconds * 1000);
    }
    case tag.x:
      return bytes.longBytes();
    default:
      throw new SyntaxFault(`a field has the unknown type 0x${kind.toString(16).padStart(2, "0")}`);
  }
}

function unfit(what: string): CeleriacError {
  return new CeleriacError(
    "NOT_SERIALIZABLE",
    `${what} can't travel in the headers of a message; give strings, numbers, booleans, null, dates, bytes, lists or plain objects of these.`,
  );
}
