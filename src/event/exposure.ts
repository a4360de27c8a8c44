/**
 * What events show of a task's data: arguments, result, error, as texts that are cut. The one place through which such data leaves the
 * worker for whoever listens.
 */

import type { ReadException } from "../wire/exception.ts";
import { parseJson, resultLimits } from "../wire/json.ts";
import { argsRepr, callRepr, kwargsRepr, valueRepr } from "../wire/repr.ts";
import { decodeCall } from "../wire/task-body.ts";

/** Larger data is not parsed for its first thousand characters, bytes. */
const mostParsed = 16 * 1024;
/** Characters of a stack. */
const longestTraceback = 16 * 1024;
/** Larger calls are cut, which is left to the way for all. */
const mostTurned = 768;
/** ASCII without escapes and apostrophes, and no number that Python would print in another way than it came. */
const turnable = /^[ -&(-[\]-~]*$/;
const words = /true|false|null|[:,] ?/g;
const pythonWords: Readonly<Record<string, string>> = {
  true: "True",
  false: "False",
  null: "None",
  ":": ": ",
  ",": ", ",
  ": ": ": ",
  ", ": ", ",
};
/** What most small results are: printed as they are written. */
const wholeNumber = /^-?\d+$/;
const shortNumber = 15;
const decoder = new TextDecoder();

export interface ShownCall {
  readonly args: string;
  readonly kwargs: string;
}

/** What the sender wrote into its headers; from the call itself where it left that out. */
export function shownCall(headers: Readonly<Record<string, unknown>>, call: Uint8Array): ShownCall {
  const { argsrepr, kwargsrepr } = headers;
  if (typeof argsrepr === "string" && typeof kwargsrepr === "string") return { args: argsrepr, kwargs: kwargsrepr };
  const plain = plainCall(call);
  if (plain !== undefined) return plain;
  if (call.byteLength <= mostParsed) {
    try {
      const { args, kwargs } = decodeCall(call);
      return { args: argsRepr(args), kwargs: kwargsRepr(kwargs) };
    } catch {
      // Its run will say what is wrong with it.
    }
  }
  return { args: `(<${String(call.byteLength)} bytes>)`, kwargs: "{}" };
}

/**
 * Of a call by keywords alone, as ours are: the JSON turned into Python's form as a text, which is what costs least. `undefined` where that
 * would not be exact.
 */
function plainCall(call: Uint8Array): ShownCall | undefined {
  if (call.byteLength > mostTurned) return undefined;
  const text = Buffer.from(call.buffer, call.byteOffset, call.byteLength).toString("latin1");
  if (!text.startsWith("[[],{") || !text.endsWith("}]") || !turnable.test(text)) return undefined;
  if (text === "[[],{}]") return { args: "()", kwargs: "{}" };
  // Between two quotes stands a text, which is the same in both; there is no other quote and no escape in it.
  const parts = text.slice(4, -1).split('"');
  let kwargs = "";
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] ?? "";
    if (index % 2 === 1) kwargs += `'${part}'`;
    else if (part === ":" || part === ",") kwargs += `${part} `;
    else kwargs += part.replaceAll(words, (word: string) => pythonWords[word] ?? word);
  }
  return kwargs.includes("__type__") ? undefined : { args: "()", kwargs };
}

/** `bytes`: the result as JSON. */
export function shownResult(bytes: Uint8Array): string {
  if (bytes.byteLength <= shortNumber) {
    const text = decoder.decode(bytes);
    if (wholeNumber.test(text)) return text;
    if (text === "null") return "None";
  }
  if (bytes.byteLength > mostParsed) return `<${String(bytes.byteLength)} bytes>`;
  try {
    return valueRepr(parseJson(bytes, resultLimits));
  } catch {
    return valueRepr(decoder.decode(bytes));
  }
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
