/**
 * Who wrote a line to stdout or stderr of a child: the far side marks what a task wrote with its slot, the worker takes the mark
 * off. Native code that writes to the descriptor itself can't be marked; such lines belong to nobody.
 */

import type { Writable } from "node:stream";

/** U+0001 slot U+0001, at the start of a line: a character that no text has there by chance. */
const mark = "\u0001";

/** Makes `stream.write` mark the lines of tasks. `slot` tells which one runs where it is called from. */
export function markLines(stream: Writable, slot: () => number | undefined): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let atStart = true;
  stream.write = ((chunk: unknown, ...rest: unknown[]): boolean => {
    const current = slot();
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return write(chunk, ...rest);
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    if (text === "") return write(chunk, ...rest);
    const starts = atStart;
    atStart = text.endsWith("\n");
    if (current === undefined) return write(chunk, ...rest);
    const prefix = `${mark}${current}${mark}`;
    const body = text.replaceAll(/\n(?!$)/g, `\n${prefix}`);
    return write(starts ? prefix + body : body, ...rest);
  }) as typeof stream.write;
}

/** A line without its mark. */
export function unmark(line: string): { readonly text: string; readonly slot: number | undefined } {
  if (!line.startsWith(mark)) return { text: line, slot: undefined };
  const end = line.indexOf(mark, 1);
  const slot = end > 1 ? Number(line.slice(1, end)) : Number.NaN;
  return Number.isSafeInteger(slot) ? { text: line.slice(end + 1), slot } : { text: line, slot: undefined };
}
