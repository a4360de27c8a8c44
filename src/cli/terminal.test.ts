import { describe, expect, test } from "vitest";
import { age } from "./terminal.ts";

describe("an age", () => {
  test.each([
    [-5, "0 ms"],
    [999, "999 ms"],
    [1000, "1 s"],
    [90_000, "2 min"],
    [7_200_000, "2 h"],
    [5 * 86_400_000, "5 d"],
  ])("of %d ms is %s", (ms, text) => {
    expect(age(ms)).toBe(text);
  });
});
