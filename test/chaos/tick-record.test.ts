/** What is kept of a store that keeps the last thousand ticks. */

import { expect, it } from "vitest";
import type { FiredTick } from "../../src/port/lease.ts";
import { type AskFired, TickRecord } from "./tick-record.ts";

it("notes when each tick was first seen to be used up, and asks for more where it has fallen behind", async () => {
  const fired: FiredTick[] = [];
  const ask: AskFired = (_schedule, limit) => Promise.resolve(fired.slice(0, limit));
  const state = { now: 5 };
  const asked: number[] = [];
  const record = new TickRecord(
    (schedule, limit) => {
      asked.push(limit);
      return ask(schedule, limit);
    },
    () => state.now,
  );
  const fire = (...ticks: readonly (readonly [number, string | undefined])[]): number =>
    fired.unshift(...ticks.map(([tick, id]) => ({ tick, id })).reverse());
  fire([1, "a"], [2, undefined]);
  await record.look("s");
  state.now = 9;
  fire([3, "c"]);
  await record.look("s");
  expect([...record.of("s")].sort(([a], [b]) => a - b)).toEqual([
    [1, { id: "a", by: 5 }],
    [2, { id: undefined, by: 5 }],
    [3, { id: "c", by: 9 }],
  ]);
  fire(...Array.from({ length: 50 }, (_, n) => [n + 4, "x"] as const));
  await record.look("s");
  expect(record.of("s").size).toBe(53);
  expect(asked).toEqual([20, 20, 20, 1000]);
  expect(record.of("other").size).toBe(0);
});
