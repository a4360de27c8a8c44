/** Arguments and results as people read them: JSON is indented, everything else (Python's `repr`) stays as it came. */

import { readLiteral } from "../../../src/dashboard/action/literal.ts";

const longest = 100_000;

export function prettyLiteral(text: string): string {
  if (text.length > longest || !/^\s*[[{"]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

/** One line, for a table. An empty list or object says nothing. */
export function inlineArgs(args: string | undefined, kwargs: string | undefined): string {
  const parts = [args, kwargs].filter((part) => part !== undefined && !/^\s*(?:\(\)|\[\]|\{\}|)\s*$/.test(part));
  return parts.join(" ").replaceAll(/\s+/g, " ");
}

/** What a form starts with, as JSON: Python's literals are read, and what is neither is nothing, because it cannot be sent. */
export function jsonOr(text: string | undefined, otherwise: string): string {
  if (text === undefined) return otherwise;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    const read = readLiteral(text);
    return read === undefined ? otherwise : JSON.stringify(read.value, undefined, 2);
  }
}
