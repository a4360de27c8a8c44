/** When a worker beats. */

import { expect, test } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { Heartbeat } from "./heartbeat.ts";

test("beats each time while it is heard, every fifth time while it is not, and again each time once somebody listens", async () => {
  const clock = new VirtualClock();
  let heard = true;
  let beats = 0;
  const during = async (ms: number): Promise<number> => {
    const before = beats;
    await clock.advance(ms);
    return beats - before;
  };
  const heart = new Heartbeat({ clock, every: 2000, unheard: () => !heard, beat: () => beats++ });
  expect(await during(10_000)).toBe(5);
  heard = false;
  expect(await during(100_000)).toBe(10);
  await clock.advance(4000);
  heard = true;
  expect(await during(10_000)).toBe(5);
  heart[Symbol.dispose]();
  expect(await during(10_000)).toBe(0);
});
