/** Bytes ⇄ text. Invalid UTF-8 is refused, never patched with U+FFFD: a patched message would no longer be what was sent. */

import { Buffer, isUtf8 } from "node:buffer";

/** A view, not a copy. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `undefined` when the bytes are not UTF-8. A byte order mark is kept, so JSON with one is refused, as Python refuses it. */
export function textOf(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? bufferOf(bytes).toString("utf8") : undefined;
}
