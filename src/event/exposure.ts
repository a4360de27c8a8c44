/**
 * What events show of a task's data: arguments, result, error, as texts that are cut. The one place through which such data leaves the
 * worker for whoever listens.
 */

import { coverCall, pointersIn } from "../wire/cover.ts";
import type { ReadException } from "../wire/exception.ts";
import { parseJson, resultLimits } from "../wire/json.ts";
import { argsRepr, callRepr, kwargsRepr, valueRepr } from "../wire/repr.ts";
import { decodeCall } from "../wire/task-body.ts";
import { turnedKeywords } from "./turned-call.ts";

/** Larger data is not parsed for its first thousand characters, bytes. */
const mostParsed = 16 * 1024;
/** Characters of a stack. */
const longestTraceback = 16 * 1024;
/** Larger calls are cut, which is left to the way for all. */
const mostTurned = 768;
/** What most small results are, in so many digits, has no other form. */
const shortNumber = 15;
const minus = "-".charCodeAt(0);
const zero = "0".charCodeAt(0);
const decoder = new TextDecoder();

export interface ShownCall {
  readonly args: string;
  readonly kwargs: string;
}

/**
 * What the sender wrote into its headers; from the call itself where it left that out, or where parts of it are to be covered: a sender need not
 * have known of them.
 */
export function shownCall(
  headers: Readonly<Record<string, unknown>>,
  call: Uint8Array,
  covered: readonly string[] = pointersIn(headers),
): ShownCall {
  if (covered.length === 0) {
    const { argsrepr, kwargsrepr } = headers;
    if (typeof argsrepr === "string" && typeof kwargsrepr === "string") return { args: argsrepr, kwargs: kwargsrepr };
    const kwargs = turned(call);
    if (kwargs !== undefined) return { args: "()", kwargs };
  }
  if (call.byteLength <= mostParsed) {
    try {
      const { args, kwargs } = coverCall(decodeCall(call), covered);
      return { args: argsRepr(args), kwargs: kwargsRepr(kwargs) };
    } catch {
      // Its run will say what is wrong with it.
    }
  }
  return { args: `(<${String(call.byteLength)} bytes>)`, kwargs: "{}" };
}

/** The same as members of a JSON object, without braces. */
export function shownCallJson(
  headers: Readonly<Record<string, unknown>>,
  call: Uint8Array,
  covered: readonly string[] = pointersIn(headers),
): string {
  const plain = headers["argsrepr"] === undefined && covered.length === 0 ? turned(call) : undefined;
  // Between JSON's quotes it stands as it is.
  if (plain !== undefined) return `"args":"()","kwargs":"${plain}"`;
  const { args, kwargs } = shownCall(headers, call, covered);
  return `"args":${JSON.stringify(args)},"kwargs":${JSON.stringify(kwargs)}`;
}

function turned(call: Uint8Array): string | undefined {
  return call.byteLength > mostTurned ? undefined : turnedKeywords(call);
}

/** `bytes`: the result as JSON. */
export function shownResult(bytes: Uint8Array): string {
  if (bytes.byteLength <= shortNumber) {
    const number = wholeNumber(bytes);
    if (number !== undefined) return String(number);
    if (decoder.decode(bytes) === "null") return "None";
  }
  if (bytes.byteLength > mostParsed) return `<${String(bytes.byteLength)} bytes>`;
  try {
    return valueRepr(parseJson(bytes, resultLimits));
  } catch {
    return valueRepr(decoder.decode(bytes));
  }
}

function wholeNumber(bytes: Uint8Array): number | undefined {
  const negative = bytes[0] === minus;
  let number = 0;
  for (let at = negative ? 1 : 0; at < bytes.byteLength; at++) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return bytes.byteLength > (negative ? 1 : 0) ? (negative ? -number : number) : undefined;
}

/** `ValueError('boom')`. */
export function shownError({ type, args }: Pick<ReadException, "type" | "args">): string {
  return callRepr(type, args);
}

/** A line that a task logged, and its fields, which are JSON; of too many none. */
export function shownLog(text: string, fields: string | null): { readonly text: string; readonly fields: unknown } {
  const few = fields !== null && fields.length <= longestTraceback;
  return { text: text.slice(0, longestTraceback), fields: few ? (JSON.parse(fields) as unknown) : null };
}

export function shownTraceback(traceback: string | null): string | null {
  return traceback === null ? null : traceback.slice(0, longestTraceback);
}
