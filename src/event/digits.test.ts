/** Numbers written without being printed are the numbers that printing would have written. */

import { expect, test } from "vitest";
import { CountPrinter, lastThree, secondsText } from "./digits.ts";

test("seconds are whole microseconds, as JSON and Python read them", () => {
  const times = [
    0, 0.0004, 0.0005, 0.001, 0.123, 1, 1.0015, 9.999, 10, 100.25, 999.999, 999.9999, 1_000, 1_234.567, 86_400_000,
  ];
  for (const ms of times) {
    const text = secondsText(ms);
    expect(JSON.parse(text), text).toBe(Math.round(ms * 1_000) / 1_000_000);
  }
  expect(secondsText(0.05)).toBe("0.000050");
});

test("what is no time is null, and one that goes backwards is told as it is", () => {
  expect([Number.NaN, Infinity, -Infinity].map(secondsText)).toEqual(["null", "null", "null"]);
  expect(JSON.parse(secondsText(-2.5))).toBe(-0.0025);
});

test("counts are printed over each change of their first digits", () => {
  const printer = new CountPrinter();
  const counts = [
    1,
    9,
    10,
    999,
    1_000,
    1_001,
    1_999,
    2_000,
    999_999,
    1_000_000,
    1_000_007,
    42,
    1_000_008,
    Number.MAX_SAFE_INTEGER,
  ];
  for (const count of counts) expect(printer.print(count)).toBe(String(count));
  expect([0, 7, 1_020, 4_294_967_296_005].map(lastThree)).toEqual(["000", "007", "020", "005"]);
});
