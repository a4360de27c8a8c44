/**
 * Packs bodies as kombu does, and unpacks those that it packed. What is unpacked is bounded before it is made, so a small bomb stays
 * small. On the calling thread: 1 MiB of JSON takes zlib 23 ms, brotli 15, zstd 4.
 */

// By namespace: a Node that is too old has no zstd, and must get as far as the line that says what it needs.
import * as zlib from "node:zlib";

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Message } from "./message.ts";

/** Celery's names. Python unpacks zlib always, the others with a package of their own. */
export const compressions = ["zlib", "brotli", "zstd"] as const;
export type Compression = (typeof compressions)[number];

/** How an app packs what it sends. */
export interface Packing {
  readonly compression: Compression | undefined;
  /** Bodies of no more bytes are sent as they are. */
  readonly compressOver: number;
}

interface Packer {
  readonly contentType: string;
  readonly pack: (body: Uint8Array) => Uint8Array;
}

const packers: Readonly<Record<Compression, Packer>> = {
  zlib: { contentType: "application/x-gzip", pack: (body) => zlib.deflateSync(body) },
  // Brotli's own default, 11, takes three seconds for a megabyte.
  brotli: {
    contentType: "application/x-brotli",
    pack: (body) => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
  },
  zstd: { contentType: "application/zstd", pack: (body) => zlib.zstdCompressSync(body) },
};

export function isCompression(name: unknown): name is Compression {
  return compressions.some((known) => known === name);
}

/**
 * The message with its body packed, if it has more than `over` bytes and saves a quarter, which is what base64 costs on Redis. With 0
 * whatever becomes of it.
 */
export function packMessage(message: Message, compression: Compression, over: number): Message {
  const { body, headers } = message;
  if (body.byteLength <= over) return message;
  const { contentType, pack } = packers[compression];
  const packed = pack(body);
  if (over > 0 && packed.byteLength * 4 > body.byteLength * 3) return message;
  const marked = Object.assign(Object.create(null) as Record<string, unknown>, headers, { compression: contentType });
  return { ...message, headers: marked, body: packed };
}

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
