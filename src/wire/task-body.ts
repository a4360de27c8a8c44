/**
 * The body of a task message, `[args, kwargs, embed]`. A worker cuts it in two without parsing the arguments: what follows the
 * call (`embed`) stays with the worker, the call goes untouched to where the handler runs.
 */

import { Buffer } from "node:buffer";

import { CeleriacError } from "../error/celeriac-error.ts";
import { pointerOf } from "./cover.ts";
import { scanJson } from "./json-scan.ts";
import { messageLimits, parseJson, stringifyJson, stringifyPlain } from "./json.ts";
import { readSignature, type Signature } from "./signature.ts";
import { bufferOf } from "./utf8.ts";

/** What is launched after the call. `chain` lists the remaining steps last first, as Celery does. */
export interface Embed {
  readonly callbacks: readonly Signature[] | null;
  readonly errbacks: readonly Signature[] | null;
  readonly chain: readonly Signature[] | null;
  readonly chord: Signature | null;
}

export const noEmbed: Embed = Object.freeze({ callbacks: null, errbacks: null, chain: null, chord: null });

/** Args and kwargs are members of the body, so they may be one level less deep. */
const partLimits = { depth: messageLimits.depth - 1, keys: messageLimits.keys };

/**
 * Throws NOT_SERIALIZABLE, with a path like `args[0].when`, for what `decodeCall` would refuse. An empty embed is written as `{}`, which Celery reads alike. Pointers to the secrets
 * of the call are added to `secrets`.
 */
export function encodeTaskBody(
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  embed?: Embed,
  secrets: string[] = [],
): Uint8Array {
  const call = plainCall(args, kwargs) ?? carefulCall(args, kwargs, secrets);
  return Buffer.from(`${call.slice(0, -1)},${embedText(embed)}]`, "utf8");
}

/** `[args,kwargs]` if `JSON.stringify` writes both faithfully. */
function plainCall(args: unknown, kwargs: unknown): string | undefined {
  if (!Array.isArray(args) || typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs)) return undefined;
  return stringifyPlain([args, kwargs], messageLimits.depth, messageLimits.keys);
}

function carefulCall(args: unknown, kwargs: unknown, secrets: string[]): string {
  const argsText = partText(args, "args", secrets);
  const kwargsText = partText(kwargs, "kwargs", secrets);
  if (argsText.charCodeAt(0) !== 91) throw notSerializable("args", "a list");
  if (kwargsText.charCodeAt(0) !== 123) throw notSerializable("kwargs", "an object");
  const call = `[${argsText},${kwargsText}]`;
  // Each is within the limits, and the worker counts the keys of both.
  if (scanJson(call, messageLimits.depth, messageLimits.keys) === "too-many-keys")
    throw new CeleriacError(
      "NOT_SERIALIZABLE",
      `args and kwargs cannot be written as JSON: there are more than ${messageLimits.keys} keys in both together.`,
      { details: { path: "kwargs" } },
    );
  return call;
}

function partText(part: unknown, root: string, secrets: string[]): string {
  return (
    stringifyPlain(part, partLimits.depth, partLimits.keys) ??
    stringifyJson(part, {
      root,
      limits: partLimits,
      onSecret: (path) => void secrets.push(pointerOf([root, ...path])),
    })
  );
}

function embedText(embed: Embed | undefined): string {
  if (embed === undefined || embed === noEmbed) return "{}";
  const { callbacks, errbacks, chain, chord } = embed;
  if (callbacks === null && errbacks === null && chain === null && chord === null) return "{}";
  return stringifyJson({ callbacks, errbacks, chain, chord }, { root: "embed", limits: partLimits });
}

/** Ends of bodies without anything to launch: Python's, its compact form, and our own. */
const emptyEnds: readonly Buffer[] = [
  ', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
  ",{}]",
  ',{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
  ",null]",
  ", {}]",
  ", null]",
].map((end) => Buffer.from(end, "latin1"));

/**
 * `call` is the JSON text `[args,kwargs]`, bytes as they came; it is not validated here, `decodeCall` does that. Throws
 * MESSAGE_UNDECODABLE if the outline or the embed is wrong, CONTENT_REFUSED for a body of protocol 1.
 */
export function splitTaskBody(body: Uint8Array): { readonly call: Uint8Array; readonly embed: Embed } {
  const bytes = bufferOf(body);
  if (bytes[0] === 91 && bytes[1] === 91) {
    for (const end of emptyEnds) {
      const cut = bytes.length - end.length;
      // kwargs must end right before: a body of two elements, `[[],{}]`, has the same end.
      if (cut > 3 && bytes[cut] === 44 && bytes[cut - 1] === 125 && bytes.compare(end, 0, end.length, cut) === 0)
        return { call: callOf(bytes, cut), embed: noEmbed };
    }
  }
  const outline = outlineOf(bytes);
  if (outline === undefined || outline.length !== 3) throw protocolError(bytes, outline?.length);
  const [args, kwargs, embed] = outline;
  if (args === undefined || kwargs === undefined || embed === undefined) throw protocolError(bytes, outline.length);
  if (bytes[args.from] !== 91) throw undecodable("its first element, the arguments, is not a list");
  if (bytes[kwargs.from] !== 123) throw undecodable("its second element, the keyword arguments, is not an object");
  return {
    call: callOf(bytes, kwargs.to),
    embed: readEmbed(parseJson(bytes.subarray(embed.from, embed.to), partLimits)),
  };
}

/** Everything up to `cut`, and the bracket that closes it. */
function callOf(bytes: Buffer, cut: number): Uint8Array {
  const call = Buffer.allocUnsafe(cut + 1);
  bytes.copy(call, 0, 0, cut);
  call[cut] = 93;
  return call;
}

/** Throws MESSAGE_UNDECODABLE. Tolerates null, `{}` and missing members, as Celery does. */
function readEmbed(value: unknown): Embed {
  if (value === null) return noEmbed;
  if (typeof value !== "object" || Array.isArray(value)) throw undecodable("its third element is not an object");
  const { callbacks, errbacks, chain, chord } = value as Record<string, unknown>;
  return {
    callbacks: signatures(callbacks),
    errbacks: signatures(errbacks),
    chain: signatures(chain),
    chord: chord === null || chord === undefined ? null : readSignature(chord),
  };
}
function signatures(value: unknown): readonly Signature[] | null {
  if (value === null || value === undefined) return null;
  return (Array.isArray(value) ? value : [value]).map(readSignature);
}

/** Throws MESSAGE_UNDECODABLE if `bytes` are not `[args, kwargs]`. */
export function decodeCall(bytes: Uint8Array): { args: unknown[]; kwargs: Record<string, unknown> } {
  const value = parseJson(bytes);
  if (!Array.isArray(value) || value.length !== 2) throw undecodable("it is not [args, kwargs, embed]");
  const [args, kwargs] = value as unknown[];
  if (!Array.isArray(args)) throw undecodable("its arguments are not a list");
  if (typeof kwargs !== "object" || kwargs === null || Object.getPrototypeOf(kwargs) !== Object.prototype)
    throw undecodable("its keyword arguments are not an object");
  return { args: args as unknown[], kwargs: kwargs as Record<string, unknown> };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The elements of the outermost array, by brackets and strings alone; `undefined` if it is not one. */
function outlineOf(bytes: Buffer): readonly Span[] | undefined {
  let at = afterSpace(bytes, 0);
  if (bytes[at] !== 91) return undefined;
  at += 1;
  const spans: Span[] = [];
  let depth = 0;
  let from = -1;
  let to = -1; // after the last byte of the element that is not space
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte <= 32) continue;
    if (depth === 0 && (byte === 44 || byte === 93)) {
      if (from !== -1) spans.push({ from, to });
      else if (byte === 44 || spans.length > 0) return undefined;
      if (byte === 93) return afterSpace(bytes, at + 1) === bytes.length ? spans : undefined;
      if (spans.length > 3) return spans;
      from = -1;
      continue;
    }
    if (from === -1) from = at;
    if (byte === 34) {
      at = stringEnd(bytes, at);
      if (at === -1) return undefined;
    } else if (byte === 91 || byte === 123) depth += 1;
    else if (byte === 93 || byte === 125) depth -= 1;
    to = at + 1;
  }
  return undefined;
}
function afterSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at] === 32 || bytes[at] === 10 || bytes[at] === 13 || bytes[at] === 9) at += 1;
  return at;
}
/** Index of the closing quote, or -1. */
function stringEnd(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === 34) return at;
    if (byte === 92) at += 1;
  }
  return -1;
}

function protocolError(bytes: Buffer, elements: number | undefined): CeleriacError {
  if (bytes[afterSpace(bytes, 0)] === 123) return protocolOne();
  return undecodable(
    elements === undefined ? "it is not a JSON list" : `it has ${elements} elements instead of args, kwargs and embed`,
  );
}
/** For bodies and messages of Celery's first protocol, which keeps everything in the body. */
export function protocolOne(): CeleriacError {
  return new CeleriacError(
    "CONTENT_REFUSED",
    "The message is of task protocol 1, which is not read. Let the sender set task_protocol = 2, Celery's default since 4.0.",
    { details: { protocol: 1 } },
  );
}
function undecodable(why: string): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `The body of the task message cannot be read: ${why}.`);
}
function notSerializable(what: string, wanted: string): CeleriacError {
  return new CeleriacError("NOT_SERIALIZABLE", `${what} must be ${wanted}.`, { details: { path: what } });
}
