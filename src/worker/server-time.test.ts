import { expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { ServerTime } from "./server-time.ts";

it("takes the claim that was least long on its way", () => {
  const time = new ServerTime();
  time.saw(1_000_000, 50);
  // Two seconds late, because the process was stopped before it read the answer.
  time.saw(1_000_100, 2150);
  expect(time.now(2150)).toBe(1_002_100);
});

it("says when a claim was made by our own clock, however late it was read", () => {
  const time = new ServerTime();
  expect(time.saw(1_000_000, 50)).toBe(50);
  expect(time.saw(1_000_100, 2150)).toBe(150);
});

it("follows a clock that was set back, after a few claims", () => {
  const time = new ServerTime();
  time.saw(1_000_000, 0);
  for (let n = 1; n <= 16; n++) time.saw(900_000 + n, n);
  expect(time.now(20)).toBe(900_020);
});

// Messages that went back "in a second" lay with RabbitMQ for an hour: by the time reckoned from claims before the step, told by the clock after it.
it("follows a clock of our own that was set back at once, where the broker goes by that", () => {
  const clock = new VirtualClock();
  const time = new ServerTime(clock);
  const claimedAt = clock.now();
  expect(time.saw(claimedAt, 50)).toBe(50);
  clock.jump(-3_600_000);
  expect(time.now(60)).toBe(clock.now());
  expect(time.saw(clock.now(), 60)).toBe(60);
});
