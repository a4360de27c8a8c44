/** Which bodies are opened at all. Only data formats are; a format whose reader can run code is never even parsed. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { decompress } from "./compression.ts";
import type { Message } from "./message.ts";

export const jsonContentType = "application/json";

/** Python's serializers that are refused: pickle and YAML can build objects; msgpack and raw data have no reader here. */
export const refusedContentTypes: readonly string[] = [
  "application/x-python-serialize",
  "application/x-yaml",
  "application/yaml",
  "text/yaml",
  "text/x-yaml",
  "application/x-msgpack",
  "application/msgpack",
  "application/data",
  "text/plain",
];

/** "binary" marks bytes that kombu does not decode; its JSON is UTF-8 all the same. */
const acceptedEncodings: ReadonlySet<string> = new Set(["utf-8", "utf8", "ascii", "us-ascii", "binary"]);

export function acceptsContentType(contentType: string): boolean {
  return contentType === jsonContentType || baseType(contentType) === jsonContentType;
}

/** Throws CONTENT_REFUSED unless the body is JSON in UTF-8. */
function checkContent(message: Message): void {
  if (!acceptsContentType(message.contentType)) {
    throw new CeleriacError(
      "CONTENT_REFUSED",
      `The body is ${JSON.stringify(message.contentType.slice(0, 80))}; only ${jsonContentType} is read. Let the sender set task_serializer = "json".`,
      { details: { contentType: message.contentType } },
    );
  }
  const encoding = message.contentEncoding;
  if (encoding !== "utf-8" && !acceptedEncodings.has(encoding.toLowerCase())) {
    throw new CeleriacError(
      "CONTENT_REFUSED",
      `The body's text is encoded as ${JSON.stringify(encoding.slice(0, 80))}; only UTF-8 is read.`,
      { details: { contentEncoding: encoding } },
    );
  }
}

/** The body as JSON bytes: content checked, unpacked if `compression` (the header of that name) says so. Throws like both. */
export function openBody(message: Message, compression: string | undefined, maxBytes: number): Uint8Array {
  checkContent(message);
  if (compression !== undefined) return decompress(compression, message.body, maxBytes);
  if (message.body.byteLength > maxBytes) {
    throw new CeleriacError(
      "MESSAGE_TOO_LARGE",
      `The body has ${message.body.byteLength} bytes; the limit is ${maxBytes}.`,
      {
        details: { limit: maxBytes },
      },
    );
  }
  return message.body;
}

function baseType(contentType: string): string {
  const semicolon = contentType.indexOf(";");
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}
