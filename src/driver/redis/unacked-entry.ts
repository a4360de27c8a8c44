/** What kombu keeps of a message that a Python worker has taken: `[envelope, exchange, routing key]`. Whose it is, is told by the key beside it. */

import { skipSpace, skipValue } from "../../wire/json-scan.ts";

export interface UnackedEntry {
  /** The exact text of the envelope, a byte a character. */
  readonly raw: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/** Undefined for what kombu would not write. `text`: latin1, so that a byte is a character. */
export function readUnacked(text: string): UnackedEntry | undefined {
  const start = skipSpace(text, 1);
  const end = text.startsWith("[") ? skipValue(text, start) : -1;
  const comma = end < 0 ? -1 : skipSpace(text, end);
  if (comma < 0 || text[comma] !== ",") return undefined;
  let way: unknown;
  try {
    way = JSON.parse(`[${text.slice(comma + 1)}`);
  } catch {
    return undefined;
  }
  const [exchange, routingKey] = way as readonly unknown[];
  if (typeof exchange !== "string" || typeof routingKey !== "string") return undefined;
  return { raw: text.slice(start, end), exchange, routingKey };
}

/** Ours begin with a fence and a step; kombu's are made up. */
export function isOurs(field: string): boolean {
  return /^\d+\.\d+\./.test(field);
}
