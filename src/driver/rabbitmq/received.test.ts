/** What is written on a message that is sent anew, about the ids under which it was handed out. */

import { expect, it } from "vitest";
import type { Properties } from "./amqp/client.ts";
import { againFor, againHeader, cameAgain, formerNames, nameOf } from "./received.ts";

const arrived = (messageId: string | undefined, again?: unknown, redelivered = false) => ({
  redelivered,
  properties: { messageId, headers: again === undefined ? {} : { [againHeader]: again } } as Properties,
});

it("writes nothing on what nobody had", () => {
  expect(againFor(arrived("a"), false)).toEqual({});
  expect(formerNames(arrived("a"))).toEqual([]);
});

it("adds an id for each time that it was begun, or given out again by the server", () => {
  expect(againFor(arrived("a"), true)).toEqual({ [againHeader]: "a" });
  expect(againFor(arrived("b", "a"), false)).toEqual({ [againHeader]: "a" });
  expect(againFor(arrived("b", "a"), true)).toEqual({ [againHeader]: "a,b" });
  expect(againFor(arrived("b", "a", true), true)).toEqual({ [againHeader]: "a,b" });
  expect(againFor(arrived("a", "a", true), false), "sent anew under its own").toEqual({ [againHeader]: "a" });
  const counted = { redelivered: false, properties: { messageId: "b", headers: { "x-delivery-count": 2 } } };
  expect(formerNames(counted), "and by which of its holders").toEqual(["b", "b.1", "b.2"]);
  expect(nameOf(counted.properties)).toBe("b.2");
});

it("says which start was the last before it, where that is known, and nothing of names", () => {
  for (const one of [arrived("a"), arrived("a", "b", true), arrived("a", true)])
    expect(againFor(one, true, 17)).toEqual({ [againHeader]: ":17" });
  expect(formerNames(arrived("a", ":17"))).toEqual([":17"]);
  expect(formerNames(arrived("a", ":17", true))).toEqual([":17", "a"]);
  expect(formerNames(arrived(":99", undefined, true)), "another program's id").toBeUndefined();
});

it("tells none where it cannot know them all", () => {
  const ids = Array.from({ length: 32 }, (_, index) => `id-${index}`).join();
  for (const [one, begun] of [
    [arrived(undefined), true],
    [arrived(undefined, undefined, true), false],
    [arrived("a", true), false],
    [arrived("a", true, true), true],
    [arrived("with, a comma"), true],
    [arrived("x".repeat(65)), true],
    [arrived("one-more", ids), true],
  ] as const) {
    expect(againFor(one, begun)).toEqual({ [againHeader]: true });
    const next = arrived("next", true, true);
    expect(cameAgain(next)).toBe(true);
    expect(formerNames(next)).toBeUndefined();
  }
  expect(againFor(arrived("last", ids.slice(0, ids.lastIndexOf(","))), true)).toEqual({
    [againHeader]: expect.stringMatching(/,last$/),
  });
});

it("tells apart the copies of a delayed message that a server which was killed over it moved on twice", () => {
  const moved = (seconds: number, redelivered: boolean) => ({
    redelivered,
    properties: {
      messageId: "a",
      headers: { "celeriac.copy": "c1", "x-death": [{ queue: "celery_delayed_0", time: new Date(seconds * 1000) }] },
    } as unknown as Properties,
  });
  const [before, after] = [moved(1_700_000_000, true), moved(1_700_000_007, false)];
  expect(nameOf(after.properties)).toBe("c1-1700000007");
  expect(formerNames(before)).toEqual(["c1-1700000000"]);
  expect(againFor(before, true)).toEqual({ [againHeader]: "c1-1700000000" });
});
