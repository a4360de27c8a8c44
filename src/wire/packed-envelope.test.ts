/** The envelope as bytes is, byte for byte, the envelope as text. */

import { expect, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import type { Message } from "./message.ts";
import { PackedEnvelope } from "./packed-envelope.ts";

function messageOf(body: Uint8Array, hostname = "w@h"): Message {
  const properties = { correlationId: "c1", priority: 3 };
  return { headers: { hostname }, properties, contentType: "application/json", contentEncoding: "utf-8", body };
}
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => (index * 31 + 7) % 256));

test("whatever the length of the body is, and wherever it is written", () => {
  for (const length of [0, 1, 2, 3, 4, 6_143, 6_144, 6_145, 12_288, 12_289, 65_536, 65_537]) {
    const message = messageOf(bytes(length), "wörker@☃");
    const expected = Buffer.from(encodeEnvelope(message, "task.multi", "tag", true));
    const envelope = new PackedEnvelope(message, "task.multi", "tag");
    expect(envelope.byteLength, String(length)).toBe(expected.byteLength);
    const into = Buffer.alloc(expected.byteLength + 10, 0x21);
    expect(envelope.write(into, 5)).toBe(5 + expected.byteLength);
    expect(into.subarray(5, -5).equals(expected), String(length)).toBe(true);
    expect(into.subarray(0, 5).toString() + into.subarray(-5).toString()).toBe("!!!!!!!!!!");
  }
});

test("a body that is a part of larger bytes is taken alone, and read again", () => {
  const message = messageOf(new Uint8Array(bytes(200).buffer.slice(0), 0, 200).subarray(50, 150));
  const envelope = new PackedEnvelope(message, "q", "tag");
  const into = Buffer.alloc(envelope.byteLength);
  envelope.write(into, 0);
  const read = decodeEnvelope(into);
  if ("malformed" in read) throw new Error(read.reason);
  expect(Buffer.from(read.body).equals(Buffer.from(message.body))).toBe(true);
});
