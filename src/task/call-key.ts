/** A key of a call, made of its input where the call is made: it travels in a header of ours, which Python's workers do not look at. */

import { CeleriacError } from "../error/celeriac-error.ts";

/** Characters. */
const longestKey = 200;

/** The header beside those that there are; what the caller set there himself stays. Throws INPUT_INVALID for a key that is none. */
export function withCallKey(
  header: string,
  make: ((input: unknown) => string) | undefined,
  input: unknown,
  headers: Readonly<Record<string, unknown>> | undefined,
  what: string,
): Readonly<Record<string, unknown>> | undefined {
  if (make === undefined || headers?.[header] !== undefined) return headers;
  const key: unknown = make(input);
  if (isCallKey(key) || key === "") return { ...headers, [header]: key };
  const was = typeof key === "string" ? `one of ${String(key.length)}` : typeof key;
  const text = `${what} must return a text of at most ${String(longestKey)} characters, not ${was}.`;
  throw new CeleriacError("INPUT_INVALID", text, { details: { task: what.replace(/: .*$/s, "") } });
}

/** Headers come from anywhere. */
export function isCallKey(key: unknown): key is string {
  return typeof key === "string" && key !== "" && key.length <= longestKey;
}
