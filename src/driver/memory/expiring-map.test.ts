import { expect, it } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { ExpiringMap } from "./expiring-map.ts";

it("forgets what is over, keeps what has no end, and gives memory back though nobody reads", async () => {
  const clock = new VirtualClock();
  const map = new ExpiringMap<number>(clock);
  map.set("for ever", 0, undefined);
  for (let n = 0; n < 1_000; n += 1) map.set(`short ${n}`, n, 100);
  map.set("long", 1, 10_000);
  expect([map.get("short 7"), map.size]).toEqual([7, 1_002]);
  await clock.advance(100);
  expect(map.get("short 7")).toBeUndefined();
  for (let n = 0; n < 1_100; n += 1) map.set(`other ${n}`, n, 100);
  expect(map.size).toBe(1_102);
  expect([map.get("for ever"), map.get("long"), map.get("other 0")]).toEqual([0, 1, 0]);
  expect([map.delete("long"), map.delete("long"), map.get("long")]).toEqual([true, false, undefined]);
});
