/** What a message holds, as text to look at: its headers and its body, or its bytes where it cannot be read. Never throws. */

import { decompress } from "../wire/compression.ts";
import type { TaskRegistry } from "../task/registry.ts";
import { coveredBody, withoutPrinted } from "../wire/covered-body.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import { valueText } from "./value-text.ts";

export interface LetterContent {
  readonly headers?: string;
  readonly body?: string;
  /** Only where there is nothing better. */
  readonly raw?: string;
}

/** Shown at most, characters; a screen is not the place for a megabyte. */
const most = 20_000;
/** A body is unpacked up to this many bytes, so that looking at a bomb does no harm. */
const mostBytes = 4 * 1024 * 1024;

/** `rules`: what tasks declare, where an app is loaded. What is to be covered is, in the body and in the printed arguments. */
export function letterContent(raw: Uint8Array, rules?: Pick<TaskRegistry, "get">): LetterContent {
  const message = decodeEnvelope(raw);
  if ("malformed" in message) return { raw: textOf(raw) };
  const { compression } = message.headers;
  let body = message.body;
  try {
    if (typeof compression === "string") body = decompress(compression, body, mostBytes);
  } catch {
    // Refused or broken: shown as it came.
  }
  const { task } = message.headers;
  const rule = typeof task === "string" ? rules?.get(task)?.redact : undefined;
  const covered = coveredBody(message.headers, body, rule);
  if (covered === undefined) return { headers: valueText({ ...message.headers }), body: textOf(body) };
  return { headers: valueText(withoutPrinted(message.headers)), body: textOf(Buffer.from(valueText(covered))) };
}

/** UTF-8 where it is, else base64 with its name in front. */
function textOf(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    text = `base64:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}`;
  }
  return text.length <= most ? text : `${text.slice(0, most)}… (${String(bytes.byteLength)} bytes in all)`;
}
