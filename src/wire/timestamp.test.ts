import { readFileSync } from "node:fs";

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

test("six fraction digits and an offset, whatever the moment", () => {
  expect(formatTimestamp(0)).toBe("1970-01-01T00:00:00.000000+00:00");
  expect(formatTimestamp(1_893_553_445_678.9)).toBe("2030-01-02T03:04:05.678000+00:00");
  for (const ms of [NaN, Infinity, 253_402_300_800_000, -62_135_596_800_001])
    expect(() => formatTimestamp(ms)).toThrow(RangeError);
});

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(parseTimestamp(formatTimestamp(ms))).toBe(ms);
    }),
  );
});

test("reads every text as the newer Celery does", () => {
  const understood = JSON.parse(readFileSync(new URL("fixtures/iso8601.json", import.meta.url), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  for (const [text, meaning] of Object.entries(understood["5.6.3"] ?? {})) {
    expect([text, parseTimestamp(text)]).toEqual([text, Math.trunc(Date.parse(meaning.replace(/(\.\d{3})\d*/, "$1")))]);
  }
  expect(Object.keys(understood["5.6.3"] ?? {}).length).toBeGreaterThan(10);
});

test("what Celery 5.2 reads wrong is not what is written", () => {
  const understood = JSON.parse(readFileSync(new URL("fixtures/iso8601.json", import.meta.url), "utf8")) as Record<
    string,
    Record<string, string>
  >;
  const written = formatTimestamp(Date.UTC(2030, 0, 2, 3, 4, 5, 678));
  expect(understood["5.2.6"]?.[written]).toBe(written);
});

test.each([
  ["2030-01-02T03:04", Date.UTC(2030, 0, 2, 3, 4)],
  ["2030-01-02T03:04:05,5Z", Date.UTC(2030, 0, 2, 3, 4, 5, 500)],
  ["2030-01-02T03:04:05-0130", Date.UTC(2030, 0, 2, 4, 34, 5)],
  ["2030-01-02T03:04:05+02", Date.UTC(2030, 0, 2, 1, 4, 5)],
  ["1900-01-01T00:00:00+00:19:32.130000", Date.UTC(1900, 0, 1) - 1_172_130],
  ["0001-01-01T00:00:00", -62_135_596_800_000],
  ["2028-02-29", Date.UTC(2028, 1, 29)],
])("%s", (text, ms) => {
  expect(parseTimestamp(text)).toBe(ms);
});

test.each([
  "",
  "not-a-date",
  "1700000000",
  "2030-13-01",
  "2030-02-29",
  "2030-00-10",
  "0000-01-01",
  "2030-01-02T24:00:00",
  "2030-01-02T03:60:00",
  "2030-01-02T03:04:60",
  "2030-01-02T03:04:05+25:00",
  "2030-01-02T03:04:05.",
  "2030-01-02T03:04:05 Z Z",
  " 2030-01-02",
  `2030-01-02T03:04:05.${"0".repeat(100_000)}`,
])("%s is no time", (text) => {
  expect(parseTimestamp(text)).toBeUndefined();
});
