/** The rules for ticks, on counts written by hand. */

import { expect, it } from "vitest";
import { checkTicks, type Tick, type TickEvidence } from "./tick-check.ts";

const minute = 60_000;
const tick = (at: number, fresh: number, seen = fresh): Tick => ({ schedule: "s", at, fresh, seen });
const evidence = (ticks: readonly Tick[], more: Partial<TickEvidence> = {}): TickEvidence => ({
  ticks,
  strange: [],
  until: 10 * minute,
  apart: false,
  ...more,
});
const fault = (name: string, t: number, by?: number): Parameters<typeof checkTicks>[1][number] => ({
  k: "fault",
  t,
  until: t,
  fault: name,
  target: 0,
  ...(by !== undefined && { by }),
});

it("is green when each tick came once, also when it was delivered again, or is not due yet", () => {
  const ticks = [tick(1, 1), tick(2, 1, 3), tick(3, 0, 1), tick(11 * minute, 0)];
  expect(checkTicks(evidence(ticks), [])).toEqual({ ticks: 3, owed: 3, violations: [] });
});

it("sees a tick that was sent twice, one that was not sent, and a message of no tick", () => {
  const { violations } = checkTicks(evidence([tick(1, 2), tick(2, 0)], { strange: ["x"] }), [
    fault("kill scheduler", 1),
  ]);
  expect(violations).toEqual([
    "strange: x is a message of no tick",
    "twice: the tick of s at 1970-01-01T00:00:00.001Z was sent 2 times",
    "missing: the tick of s at 1970-01-01T00:00:00.002Z was not sent",
  ]);
});

it("lets a tick be sent again where that takes two steps, once for each fault near", () => {
  const near = [fault("kill scheduler", 5 * minute)];
  expect(checkTicks(evidence([tick(5 * minute, 2)], { apart: true }), near).violations).toEqual([]);
  expect(checkTicks(evidence([tick(5 * minute, 3)], { apart: true }), near).violations).toHaveLength(1);
  expect(checkTicks(evidence([tick(minute, 2)], { apart: true }), near).violations).toHaveLength(1);
});

it("owes no tick once the server's clock was put forward, and all of them when it was put back", () => {
  const ticks = [tick(minute, 1), tick(9 * minute, 0)];
  const forward = checkTicks(evidence(ticks), [fault("redis clock jumps", 5 * minute, 60 * minute)]);
  expect(forward).toEqual({ ticks: 2, owed: 1, violations: [] });
  const twice = checkTicks(evidence([tick(9 * minute, 2)]), [fault("redis clock jumps", 5 * minute, 60 * minute)]);
  expect(twice.violations).toHaveLength(1);
  const back = checkTicks(evidence(ticks), [fault("redis clock jumps", 5 * minute, -60 * minute)]);
  expect(back.violations).toEqual([expect.stringMatching(/^missing/)]);
  const worker = checkTicks(evidence(ticks), [fault("worker clock jumps", 5 * minute, 60 * minute)]);
  expect(worker.violations).toHaveLength(1);
});
