/** Calls as bytes: what the server reads is what was to be said, whatever stands in it. */

import * as fc from "fast-check";
import { expect, it } from "vitest";
import { callOf } from "./written-call.ts";

/** Reads an array of bulk strings, as the server does. */
function read(bytes: Buffer): readonly string[] {
  const count = /^\*(\d+)\r\n/.exec(bytes.toString("latin1"));
  let at = count?.[0].length ?? 0;
  const texts: string[] = [];
  while (at < bytes.length) {
    const end = bytes.indexOf("\r\n", at);
    const size = Number(bytes.toString("latin1", at + 1, end));
    texts.push(bytes.toString("hex", end + 2, end + 2 + size));
    expect(bytes.toString("latin1", end + 2 + size, end + 4 + size)).toBe("\r\n");
    at = end + 4 + size;
  }
  expect(texts).toHaveLength(Number(count?.[1]));
  return texts;
}

it("says each key and argument as it is, text of any kind and bytes among it", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 3000 }), fc.constant("ü😀".repeat(900)));
  const argument = fc.oneof(
    text,
    fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), fc.array(argument, { maxLength: 30 }), (keys, args) => {
      const call = callOf(keys, args);
      const room = Buffer.alloc(call.mostBytes("sha"), "?");
      const said = read(room.subarray(0, call.write(room, "EVALSHA", "sha")));
      const meant = ["EVALSHA", "sha", String(keys.length), ...keys, ...args];
      expect(said).toEqual(meant.map((one) => Buffer.from(one as string).toString("hex")));
    }),
  );
});
