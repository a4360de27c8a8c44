/** Calls in pieces that fit a script. */

import type { Millis } from "../../port/units.ts";
import { mostBytes, mostItems } from "./script/script.ts";

export function pieces<T>(items: readonly T[], sizeOf: (item: T) => number = () => 0): readonly (readonly T[])[] {
  const all: (readonly T[])[] = [];
  for (let from = 0, to = 0; from < items.length; from = to) {
    let bytes = 0;
    while (to < items.length && to - from < mostItems && bytes < mostBytes) bytes += sizeOf(items[to++] as T);
    all.push(items.slice(from, to));
  }
  return all;
}

/** Scores and expiries are whole numbers. */
export function whole(ms: Millis): string {
  return String(Math.max(0, Math.round(ms)));
}
