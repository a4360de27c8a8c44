/** Unpacks bodies that kombu compressed. Output is bounded before it is made, so a small bomb stays small. */

// By namespace: a Node that is too old has no zstd, and must get as far as the line that says what it needs.
import * as zlib from "node:zlib";

import { CeleriacError } from "../error/celeriac-error.ts";

type Unpack = (body: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

/** kombu's `application/x-gzip` is a zlib stream; `unzipSync` takes both framings. */
const unpackers: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ["application/x-gzip", zlib.unzipSync],
  ["gzip", zlib.unzipSync],
  ["zlib", zlib.unzipSync],
  ["application/x-brotli", zlib.brotliDecompressSync],
  ["brotli", zlib.brotliDecompressSync],
  ["application/zstd", zlib.zstdDecompressSync],
  ["zstd", zlib.zstdDecompressSync],
  ["zstandard", zlib.zstdDecompressSync],
]);

/** Throws CONTENT_REFUSED for a method Node lacks (bzip2, lzma), MESSAGE_TOO_LARGE over `maxBytes`, MESSAGE_UNDECODABLE if corrupt. */
export function decompress(contentTypeOfCompression: string, body: Uint8Array, maxBytes: number): Uint8Array {
  const unpack = unpackers.get(contentTypeOfCompression.toLowerCase());
  if (unpack === undefined) {
    throw new CeleriacError(
      "CONTENT_REFUSED",
      `The body is compressed as ${JSON.stringify(contentTypeOfCompression.slice(0, 60))}, which cannot be unpacked here. Let the sender use zlib, brotli or zstd.`,
      { details: { compression: contentTypeOfCompression } },
    );
  }
  try {
    return unpack(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
      throw new CeleriacError("MESSAGE_TOO_LARGE", `The body unpacks to more than ${maxBytes} bytes.`, {
        cause: error,
        details: { limit: maxBytes },
      });
    }
    throw new CeleriacError("MESSAGE_UNDECODABLE", "The compressed body is damaged and cannot be unpacked.", {
      cause: error,
    });
  }
}
