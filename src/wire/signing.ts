/**
 * Signatures on messages: who has a key wrote this, for this queue, and nobody changed it since. HMAC-SHA-256 over all that decides what is
 * done; the text of it travels as one header. Signs and checks; it encrypts nothing and remembers nothing.
 *
 *   celeriac.signature: "1 <key id> <unix ms> <base64url>"
 */

import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { callHeaders } from "./call-mark.ts";
import type { Message } from "./message.ts";
import { tagValue } from "./tagged.ts";

export const signatureHeader = "celeriac.signature";
/** Part of what is signed, so that the form can change without one being taken for the other. */
const form = "1";
const headerText = /^1 ([\w.-]{1,64}) (\d{1,15}) ([\w-]{43})$/;
/**
 * What brokers, workers and monitors write on the way, or read for show. `redelivered` and `x-…` of RabbitMQ come and go; `argsrepr` and
 * `kwargsrepr` are for people, and every reader of ours prints the arguments anew.
 */
const unsigned: ReadonlySet<string> = new Set(["redelivered", "argsrepr", "kwargsrepr", "CC", "BCC"]);
const infrastructure = /^x-(?:death$|first-death-|last-death-|delivery-count$|acquired-count$)/;

/** Keys by their ids. */
export interface Keyring {
  /** The one that signs. */
  readonly use: string;
  /** All that are taken. */
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** What a message is for: a task on a queue, or a command to a namespace. One is never taken for the other. */
export type Purpose =
  | { readonly kind: "task"; readonly queue: string }
  | { readonly kind: "control"; readonly namespace: string };

/** How a signature was found. `why` is for people; it names the key, never its secret. */
export type Seal =
  | { readonly kind: "signed"; readonly at: number; readonly mac: string }
  | { readonly kind: "unsigned"; readonly why: string }
  | { readonly kind: "wrong"; readonly why: string };

/** The same message with a signature of `now`, unix ms, in place of one that it may have had. */
export function signMessage(message: Message, purpose: Purpose, keyring: Keyring, now: number): Message {
  const key = keyring.keys.get(keyring.use);
  if (key === undefined) throw new TypeError(`the keyring has no key "${keyring.use}"`);
  const at = Math.max(0, Math.floor(now));
  const mac = macOf(message, purpose, keyring.use, at, key).toString("base64url");
  const headers = Object.create(null) as Record<string, unknown>;
  // Brokers differ in what they make of a time; all carry its tagged form as it is.
  for (const [name, value] of Object.entries(message.headers)) headers[name] = untagged(value);
  headers[signatureHeader] = `${form} ${keyring.use} ${String(at)} ${mac}`;
  return { ...message, headers };
}

/** In constant time for a given message, whatever the signature says. Never throws. */
export function readSeal(message: Message, purpose: Purpose, keyring: Pick<Keyring, "keys">): Seal {
  const text = message.headers[signatureHeader];
  if (text === undefined || text === null) return { kind: "unsigned", why: "it bears no signature" };
  const [, id = "", time = "", mac = ""] = typeof text === "string" ? (headerText.exec(text) ?? []) : [];
  if (mac === "") return { kind: "wrong", why: "its signature has no form that is known here" };
  const key = keyring.keys.get(id);
  if (key === undefined) return { kind: "wrong", why: `it is signed with the key "${id}", which is not accepted here` };
  const at = Number(time);
  const given = Buffer.from(mac, "base64url");
  let own: Buffer;
  try {
    own = macOf(message, purpose, id, at, key);
  } catch {
    return { kind: "wrong", why: "its headers are none that could have been signed" };
  }
  // The last letter has two bits to spare; another letter for the same bytes would be a second signature of the same message.
  if (given.length !== own.length || !timingSafeEqual(given, own) || mac !== own.toString("base64url")) {
    return { kind: "wrong", why: `its signature with the key "${id}" does not fit what it says, or not this place` };
  }
  return { kind: "signed", at, mac };
}

function macOf(message: Message, purpose: Purpose, id: string, at: number, key: KeyObject): Buffer {
  const { contentType, contentEncoding, properties, body, headers } = message;
  const place = purpose.kind === "task" ? purpose.queue : purpose.namespace;
  const head = [form, purpose.kind, place, id, at, contentType, contentEncoding, properties.replyTo ?? null];
  // No JSON text has a line's end in it, so nothing can be moved between the parts.
  return createHmac("sha256", key)
    .update(`${JSON.stringify(head)}\n${canonical(signedHeaders(headers), 0)}\n`)
    .update(body)
    .digest();
}

/** Null says the same as nothing in every header of Celery's. */
function signedHeaders(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const signed = Object.create(null) as Record<string, unknown>;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || value === null || unsigned.has(name)) continue;
    if (name.startsWith("celeriac.") && !callHeaders.has(name)) continue;
    if (infrastructure.test(name)) continue;
    signed[name] = value;
  }
  return signed;
}

/** Deeper than headers are written or read. */
const deepest = 128;

/**
 * One text for a value, whichever way it travelled: keys in order, a number the same whether it was written as `1` or `1.0`, a time by its tag.
 * Throws for what no header can hold.
 */
function canonical(value: unknown, depth: number): string {
  if (depth > deepest) throw new TypeError("nested too deep");
  if (value === null || value === undefined) return "null";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return numberText(value);
  if (typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value !== "object") throw new TypeError(`a ${typeof value}`);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(",")}]`;
  const tagged = tagValue(value);
  if (tagged !== undefined) return canonical(tagged, depth);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member, depth + 1)}`).join(",")}}`;
}

function untagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(untagged);
  return tagValue(value) ?? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, untagged(member)]));
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError("no finite number");
  return Number.isInteger(value) ? String(BigInt(value)) : String(value);
}
