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
const decoder = new TextDecoder();

export interface ShownCall {
  readonly args: string;
  readonly kwargs: string;
}

/** What the sender wrote into its headers; from the call itself where it left that out. */
export function shownCall(headers: Readonly<Record<string, unknown>>, call: Uint8Array): ShownCall {
  const { argsrepr, kwargsrepr } = headers;
  if (typeof argsrepr === "string" && typeof kwargsrepr === "string") return { args: argsrepr, kwargs: kwargsrepr };
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

/** `bytes`: the result as JSON. */
export function shownResult(bytes: Uint8Array): string {
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

export function shownTraceback(traceback: string | null): string | null {
  return traceback === null ? null : traceback.slice(0, longestTraceback);
}
