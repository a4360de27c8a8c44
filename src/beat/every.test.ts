import { assert, boolean, constantFrom, integer, property } from "fast-check";
import { expect, test } from "vitest";
import type { Schedule } from "../task/schedule.ts";
import { every } from "./every.ts";

const since = Date.UTC(2026, 10, 27, 10, 17, 42, 123);

function times(schedule: Schedule, count: number, start = since): string[] {
  const found: string[] = [];
  for (let at = schedule.next(start, since); at !== undefined && found.length < count; at = schedule.next(at, since)) {
    found.push(new Date(at).toISOString());
  }
  return found;
}

test("one interval after its entry came to be, and so on without drift", () => {
  const schedule = every("90s");
  expect(times(schedule, 3)).toEqual([
    "2026-11-27T10:19:12.123Z",
    "2026-11-27T10:20:42.123Z",
    "2026-11-27T10:22:12.123Z",
  ]);
  // Asked late, or before there was an entry.
  expect(schedule.next(since + 1_000_000, since)).toBe(since + 1_080_000);
  expect(schedule.next(0, since)).toBe(since + 90_000);
});

test.each([
  ["1h", ["2026-11-27T11:00:00.000Z", "2026-11-27T12:00:00.000Z"]],
  ["90m", ["2026-11-27T11:30:00.000Z", "2026-11-27T13:00:00.000Z"]],
  ["10m", ["2026-11-27T10:27:00.000Z", "2026-11-27T10:37:00.000Z"]],
  ["30s", ["2026-11-27T10:18:12.000Z", "2026-11-27T10:18:42.000Z"]],
  ["1d", ["2026-11-28T00:00:00.000Z", "2026-11-29T00:00:00.000Z"]],
] as const)("relative, every %s counts from the boundary of its unit", (interval, expected) => {
  expect(times(every(interval, { relative: true }), 2)).toEqual(expected);
});

test("days are those of the zone, hours pass alike everywhere", () => {
  expect(times(every("1d", { relative: true, timezone: "Europe/Paris" }), 3, Date.UTC(2027, 2, 26, 12))).toEqual([
    "2027-03-26T23:00:00.000Z",
    "2027-03-27T23:00:00.000Z",
    "2027-03-28T22:00:00.000Z",
  ]);
  expect(times(every("1h", { relative: true, timezone: "Asia/Kolkata" }), 2)).toEqual([
    "2026-11-27T10:30:00.000Z",
    "2026-11-27T11:30:00.000Z",
  ]);
  // There is no midnight on 5 September 2027 in Santiago.
  expect(times(every("1.5d", { relative: true, timezone: "America/Santiago" }), 1, Date.UTC(2027, 8, 4, 17))).toEqual([
    "2027-09-05T04:00:00.000Z",
  ]);
});

test("refuses less than 100 ms, and a zone that would mean nothing", () => {
  expect(() => every(99)).toThrow(/99 is shorter than 100 ms/);
  expect(() => every(0)).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID" }));
  expect(() => every("99ms")).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID" }));
  expect(() => every("1d", { timezone: "Europe/Paris" })).toThrow(/Add relative: true/);
  expect(() => every("1d", { relative: true, timezone: "Mars" })).toThrow(/"Mars" is no time zone/);
  expect(() => every("soon" as "1s")).toThrow(expect.objectContaining({ code: "DURATION_INVALID" }));
  expect(every("100ms").next(since, since)).toBe(since + 100);
});

test("never again beyond the year 9999", () => {
  expect(every(Number.MAX_SAFE_INTEGER).next(since, since)).toBe(undefined);
  expect(every(Number.MAX_SAFE_INTEGER, { relative: true }).next(since, since)).toBe(undefined);
  expect(every("1d", { relative: true }).next(Number.POSITIVE_INFINITY, since)).toBe(undefined);
});

test("is written in the largest unit, and as data", () => {
  const written = (["30s", "90s", 1_500, "1.5h", "7d", "36h", 60_000] as const).map((interval) =>
    String(every(interval)),
  );
  expect(written).toEqual(["every 30s", "every 90s", "every 1500ms", "every 90m", "every 7d", "every 36h", "every 1m"]);
  const daily = every("1d", { relative: true, timezone: "Europe/Paris" });
  expect(String(daily)).toBe("every 1d relative Europe/Paris");
  expect(daily.toJSON()).toEqual({ kind: "every", every: 86_400_000, relative: true, timezone: "Europe/Paris" });
  expect(every("30s").toJSON()).toEqual({ kind: "every", every: 30_000 });
  expect([every("30s").timezone, daily.timezone]).toEqual(["UTC", "Europe/Paris"]);
});

test("times rise, lie strictly after, and are the same from wherever they are asked for", () => {
  const moments = integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) });
  const zones = constantFrom("UTC", "Europe/Paris", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia");
  assert(
    property(
      integer({ min: 100, max: 400_000_000 }),
      boolean(),
      zones,
      moments,
      moments,
      (ms, relative, timezone, entry, start) => {
        const schedule = every(ms, relative ? { relative, timezone } : {});
        let at = start;
        for (let run = 0; run < 5; run++) {
          const next = schedule.next(at, entry) ?? Number.NaN;
          expect(next).toBeGreaterThan(at);
          expect(schedule.next(next - 1, entry)).toBe(next);
          expect(schedule.next(Math.floor((at + next) / 2), entry)).toBe(next);
          at = next;
        }
      },
    ),
    { seed: 9, numRuns: 500 },
  );
});
