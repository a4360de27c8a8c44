import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { decompress } from "./compression.ts";
import { acceptsContentType, openBody, refusedContentTypes } from "./content.ts";
import type { Message } from "./message.ts";

const body = Buffer.from("[[],{},{}]");
function message(contentType: string, contentEncoding = "utf-8"): Message {
  return { headers: {}, properties: {}, contentType, contentEncoding, body };
}
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof CeleriacError ? error.code : String(error);
  }
  return "none";
}

describe("content", () => {
  test.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])("%s is read", (type) => {
    expect(acceptsContentType(type)).toBe(true);
    expect(openBody(message(type), undefined, 1000)).toBe(body);
  });

  test.each([
    ...refusedContentTypes,
    "",
    "json",
    "application/jsonp",
    "text/html",
    "application/x-python-serialize; x=application/json",
  ])("%s is refused", (type) => {
    expect(codeOf(() => openBody(message(type), undefined, 1000))).toBe("CONTENT_REFUSED");
  });

  test("only UTF-8, and not more than allowed", () => {
    expect(codeOf(() => openBody(message("application/json", "binary"), undefined, 1000))).toBe("none");
    expect(codeOf(() => openBody(message("application/json", "UTF-8"), undefined, 1000))).toBe("none");
    expect(codeOf(() => openBody(message("application/json", "latin-1"), undefined, 1000))).toBe("CONTENT_REFUSED");
    expect(codeOf(() => openBody(message("application/json"), undefined, 5))).toBe("MESSAGE_TOO_LARGE");
    expect(codeOf(() => openBody(message("application/x-python-serialize"), "zlib", 1000))).toBe("CONTENT_REFUSED");
  });
});

describe("compression", () => {
  test.each([
    ["application/x-gzip", deflateSync(body)],
    ["application/x-gzip", gzipSync(body)],
    ["application/x-brotli", brotliCompressSync(body)],
    ["application/zstd", zstdCompressSync(body)],
  ])("%s (%#)", (type, packed) => {
    expect(Buffer.from(decompress(type, packed, 1000)).toString()).toBe(body.toString());
    expect(Buffer.from(openBody({ ...message("application/json"), body: packed }, type, 1000))).toEqual(body);
    expect(codeOf(() => decompress(type, packed.subarray(0, -5), 1000))).toBe("MESSAGE_UNDECODABLE");
    expect(codeOf(() => decompress(type, Buffer.from("hello"), 1000))).toBe("MESSAGE_UNDECODABLE");
  });

  test.each([
    ["application/x-gzip", deflateSync],
    ["application/x-brotli", brotliCompressSync],
    ["application/zstd", zstdCompressSync],
  ])("a bomb in %s goes off nowhere", (type, pack) => {
    const bomb = pack(Buffer.alloc(50_000_000));
    const before = process.memoryUsage().arrayBuffers;
    expect(codeOf(() => decompress(type, bomb, 1_000_000))).toBe("MESSAGE_TOO_LARGE");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  test.each(["application/x-bz2", "application/x-lzma", "constructor", ""])("%s is refused", (type) => {
    expect(codeOf(() => decompress(type, body, 1000))).toBe("CONTENT_REFUSED");
  });
});
