import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { machineTime } from "../clock/machine-time.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { Turning } from "./turning.ts";

it("lets begin what was claimed since the last long pause, and nothing older", async () => {
  const clock = new VirtualClock();
  const turning = new Turning(clock, 500);
  const before = clock.monotonic();
  await clock.advance(400);
  expect(turning.slept(before)).toBe(false);
  expect(turning.sureUntil(before)).toBeGreaterThan(machineTime());
  await clock.advance(200);
  expect(turning.slept(before)).toBe(true);
  expect(turning.sureUntil(before)).toBeLessThan(machineTime());
  // The child of a suspect comes up while its worker is stopped: it is given the call after the worker was seen to turn again.
  turning.seen(clock.monotonic());
  await clock.advance(1);
  expect(turning.gap(clock.monotonic())).toBe(false);
  expect([turning.slept(before), turning.slept(clock.monotonic())]).toEqual([true, false]);
  expect(turning.sureUntil(before)).toBeLessThan(machineTime());
  expect(turning.sureUntil(clock.monotonic())).toBeGreaterThan(machineTime());
});

it("takes what is claimed after the turn in which a long pause was seen", async () => {
  const clock = new VirtualClock();
  const turning = new Turning(clock, 500);
  await clock.advance(600);
  expect([turning.gap(clock.monotonic()), turning.gap(clock.monotonic())]).toEqual([true, true]);
  await turn();
  expect(turning.gap(clock.monotonic())).toBe(false);
  await clock.advance(1);
  expect(turning.slept(clock.monotonic())).toBe(false);
});
