import { describe, expect, test } from "vitest";
import { byteSize, given, moment, names, pair, wholeNumber } from "./option.ts";

describe("option values", () => {
  test.each([
    ["512M", 512 * 2 ** 20],
    ["1.5G", 1.5 * 2 ** 30],
    ["64KiB", 64 * 2 ** 10],
    ["2gb", 2 * 2 ** 30],
  ])("%s is a size", (text, bytes) => {
    expect(byteSize(text)).toBe(bytes);
  });

  test.each(["512", "M", "-1M", "1T", "1 M", ""])("%j is no size", (text) => {
    expect(() => byteSize(text)).toThrow(/size with a unit/);
  });

  test("whole numbers have a least value and no other spelling", () => {
    expect(wholeNumber(1)("12")).toBe(12);
    for (const text of ["0", "-1", "1.5", "1e3", "0x10", "", "99999999999999999999"]) {
      expect(() => wholeNumber(1)(text), text).toThrow(/whole number from 1/);
    }
  });

  test("lists are split and joined over repeats", () => {
    expect(names("mail, slow,", ["first"])).toEqual(["first", "mail", "slow"]);
  });

  test("pairs keep everything after the first sign", () => {
    expect(pair("b=c=d", { a: "1" })).toEqual({ a: "1", b: "c=d" });
    expect(() => pair("=x")).toThrow(/name=value/);
  });

  test("moments are real ones", () => {
    expect(moment("2026-11-21T10:00:00Z").getTime()).toBe(Date.UTC(2026, 10, 21, 10));
    expect(() => moment("tomorrow")).toThrow(/must be a time/);
  });

  test("absent options stay absent", () => {
    expect(Object.keys(given({ a: 1, b: undefined }))).toEqual(["a"]);
  });
});
