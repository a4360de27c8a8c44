/** Rooms are large enough whatever was given back, and requests fit into what they ask for. */

import { expect, it } from "vitest";
import { type Encoded, encodeOutgoing } from "./encoded.ts";
import { outgoing } from "../../../test/server/redis-backend.ts";
import { Keys } from "./keys.ts";
import { readLocation } from "./location.ts";
import { PublishRequest } from "./publish-request.ts";
import { Rooms } from "./rooms.ts";

it("keeps only rooms of its usual size, and no more than it should", () => {
  const rooms = new Rooms(10_000, 2);
  const taken = [10, 5_000, 10_000, 10_001, 6_000, 7_000].map((needed) => {
    const room = rooms.take(needed);
    expect(room.byteLength).toBeGreaterThanOrEqual(needed);
    return room;
  });
  for (const room of taken) rooms.give(room);
  const again = [9_000, 9_000, 9_000].map((needed) => rooms.take(needed));
  expect(again.map((room) => taken.includes(room))).toEqual([true, true, false]);
  expect(again.map((room) => room.byteLength)).toEqual([10_000, 10_000, 10_000]);
  expect(rooms.take(20_000).byteLength).toBeGreaterThanOrEqual(20_000);
});

/** The texts of a request, as the server reads them. */
function textsOf(request: Buffer): readonly string[] {
  const texts: string[] = [];
  const line = (at: number): [text: string, next: number] => {
    const end = request.indexOf("\r\n", at);
    return [request.toString("latin1", at, end), end + 2];
  };
  let [count, at] = line(0);
  expect(count[0]).toBe("*");
  for (let left = Number(count.slice(1)); left > 0; left--) {
    const [size, from] = line(at);
    expect(size[0]).toBe("$");
    const to = from + Number(size.slice(1));
    texts.push(request.toString("utf8", from, to));
    expect(request.toString("latin1", to, to + 2)).toBe("\r\n");
    at = to + 2;
  }
  expect(at).toBe(request.byteLength);
  return texts;
}

it.each([
  ["plain", "q", (id: string) => ({ id, nonce: id, window: 60_000 })],
  ["of any kind", "😀", (id: string) => (id.length % 2 === 0 ? undefined : { id, nonce: `漢${id}`, window: 1e15 })],
])("a request, %s, is whole in a room of the size it asks for", (_, letter, dedupeOf) => {
  const keys = new Keys(`é${letter}:`.repeat(10), readLocation(new URL("redis://h")));
  const group = Array.from({ length: 60 }, (_each, index): Encoded => {
    const id = `${letter.repeat(index)}é`;
    const dedupe = dedupeOf(id);
    return encodeOutgoing(keys, outgoing("q", id, dedupe && { dedupe }, JSON.stringify([[id], {}, {}])));
  });
  const request = new PublishRequest(
    keys,
    group[0] as Encoded,
    group.map((encoded) => ({ encoded })),
    7,
  );
  for (const subject of ["a", "漢".repeat(100)]) {
    const room = Buffer.alloc(request.mostBytes(subject), "x");
    const [command, sent, count, ...rest] = textsOf(room.subarray(0, request.write(room, "EVAL", subject)));
    expect([command, sent]).toEqual(["EVAL", subject]);
    const wanted = group.flatMap(({ dedupe }) => (dedupe === undefined ? [] : [keys.seen(dedupe.id)]));
    expect(rest.slice(0, Number(count)).filter((key) => key.includes("seen:"))).toEqual(wanted);
    expect(rest.slice(Number(count)).filter((value) => value.startsWith("{"))).toEqual(group.map(({ raw }) => raw));
  }
});
