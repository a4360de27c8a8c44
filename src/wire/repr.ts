/** Arguments printed the way Python prints them, for Celery's events, logs and monitors. Cut at about 1024 characters. */

import { coveredText, isSecret } from "./secret.ts";
import { Decimal, PlainDate, PlainTime, Uuid } from "./tagged.ts";

const maxLength = 1024;
/** Nothing in it is escaped: printable ASCII but for the quote and the backslash. */
const plain = /^[ -&(-[\]-~]*$/;

/** A tuple: `(2, 'a')`, `(7,)`, `()`. */
export function argsRepr(args: readonly unknown[]): string {
  const items = sequence(args, maxLength, 0);
  return cut(args.length === 1 ? `(${items},)` : `(${items})`);
}
/** A dict: `{'key': 'value'}`. */
export function kwargsRepr(kwargs: Readonly<Record<string, unknown>>): string {
  return cut(repr(kwargs, maxLength, 0));
}

/** Any value, as Python's `repr`. */
export function valueRepr(value: unknown): string {
  return cut(repr(value, maxLength, 0));
}
/** A call as it is written: `ValueError('boom')`. */
export function callRepr(name: string, args: readonly unknown[]): string {
  return cut(`${name}(${sequence(args, maxLength, 0)})`);
}

function cut(text: string): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 3)}...` : text;
}

/** Stops soon after `room` characters, so that a large value costs no more than a small one. */
function repr(value: unknown, room: number, depth: number): string {
  if (typeof value === "string") return quoted(value.length > room ? value.slice(0, room) : value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : value > 0 ? "inf" : "nan";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "object" && value !== null ? objectRepr(value, room, depth) : "None";
}
function objectRepr(value: object, room: number, depth: number): string {
  if (depth > 8) return "...";
  if (Array.isArray(value)) return `[${sequence(value, room, depth)}]`;
  // Without quotes: no reader takes it for a text that was sent.
  if (isSecret(value)) return coveredText;
  if (value instanceof Date) return `datetime(${Number.isNaN(value.getTime()) ? "" : quoted(value.toISOString())})`;
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  if (value instanceof Decimal) return `Decimal(${quoted(value.text)})`;
  if (value instanceof Uuid) return `UUID(${quoted(value.text)})`;
  if (value instanceof PlainDate || value instanceof PlainTime) return quoted(value.text);
  let text = "";
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (text.length > room) return `{${text}, ...}`;
    text += `${text === "" ? "" : ", "}${quoted(key)}: ${repr(member, room - text.length, depth + 1)}`;
  }
  return `{${text}}`;
}
function sequence(items: readonly unknown[], room: number, depth: number): string {
  let text = "";
  for (const item of items) {
    if (text.length > room) return `${text}, ...`;
    text += `${text === "" ? "" : ", "}${repr(item, room - text.length, depth + 1)}`;
  }
  return text;
}

/** Python's rule: single quotes unless that means more escapes. */
function quoted(text: string): string {
  if (plain.test(text)) return `'${text}'`;
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  let escaped = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === mark || character === "\\") escaped += `\\${character}`;
    else if (character === "\n") escaped += "\\n";
    else if (character === "\r") escaped += "\\r";
    else if (character === "\t") escaped += "\\t";
    else if (code < 32 || code === 127) escaped += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code >= 0xd800 && code <= 0xdfff) escaped += `\\u${code.toString(16)}`;
    else escaped += character;
  }
  return `${mark}${escaped}${mark}`;
}
