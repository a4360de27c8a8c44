import { expect, it } from "vitest";
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
