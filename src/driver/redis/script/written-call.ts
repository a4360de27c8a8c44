/**
 * A call of a script as the bytes that the server reads. Through the client each of some hundred arguments would be copied from list to list, looked
 * at, measured, and put together into one text that is copied once more.
 */

import { Buffer } from "node:buffer";
import type { Argument } from "../client.ts";

/** Bytes of a bulk string beside its text: `$`, its length, two line ends. */
export const around = 16;
/** Bytes of one character at most. */
export const widest = 3;
/** Characters that are put together before they are written: each text that is written alone costs a call out of JavaScript. */
const piece = 2048;

/** A call that writes itself. `subject`: the script's text, or its digest. */
export interface WrittenCall {
  /** Bytes that are enough for it. */
  mostBytes(subject: string): number;
  /** Returns where it ends. */
  write(into: Buffer, command: "EVALSHA" | "EVAL", subject: string): number;
}

/** Any call. */
export function callOf(keys: readonly string[], args: readonly Argument[]): WrittenCall {
  return {
    mostBytes(subject) {
      let bytes = 4 * around + subject.length * widest;
      for (const key of keys) bytes += around + key.length * widest;
      for (const arg of args) bytes += around + (typeof arg === "string" ? arg.length * widest : arg.length);
      return bytes;
    },
    write: (into, command, subject) => writeCall(into, command, subject, keys, args),
  };
}

function writeCall(
  into: Buffer,
  command: string,
  subject: string,
  keys: readonly string[],
  args: readonly Argument[],
): number {
  const total = 3 + keys.length + args.length;
  let text = `*${total}\r\n${bulk(command)}${bulk(subject)}${bulk(String(keys.length))}`;
  let at = 0;
  for (const key of keys) {
    text += bulk(key);
    if (text.length < piece) continue;
    at += into.write(text, at);
    text = "";
  }
  for (const arg of args) {
    if (typeof arg === "string") text += bulk(arg);
    else {
      at += into.write(`${text}$${arg.length}\r\n`, at);
      at += arg.copy(into, at);
      text = "\r\n";
    }
    if (text.length < piece) continue;
    at += into.write(text, at);
    text = "";
  }
  return at + into.write(text, at);
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
