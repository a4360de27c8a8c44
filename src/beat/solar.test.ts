import { assert, constantFrom, double, integer, property, sample, tuple } from "fast-check";
import { getTimes } from "suncalc";
import { describe, expect, test } from "vitest";
import type { SolarEvent } from "../task/schedule.ts";
import { solar } from "./solar.ts";

/** What Celery 5.6.3's `solar` answers, whose ephemeris (PyEphem 4.2.1) is that of the VSOP87 theory: from midnight of a day, the next time. */
const celery: readonly (readonly [SolarEvent, number, number, string, string])[] = [
  ["dawn_astronomical", 50.08, 14.42, "2026-03-10", "2026-03-10T03:39:12Z"],
  ["dawn_nautical", 50.08, 14.42, "2026-03-11", "2026-03-11T04:15:13Z"],
  ["dawn_civil", 50.08, 14.42, "2026-03-12", "2026-03-12T04:50:35Z"],
  ["sunrise", 50.08, 14.42, "2026-03-13", "2026-03-13T05:20:36Z"],
  ["solar_noon", 50.08, 14.42, "2026-03-14", "2026-03-14T11:11:28Z"],
  ["sunset", 50.08, 14.42, "2026-03-15", "2026-03-15T17:07:03Z"],
  ["dusk_civil", 50.08, 14.42, "2026-03-16", "2026-03-16T17:40:55Z"],
  ["dusk_nautical", 50.08, 14.42, "2026-03-17", "2026-03-17T18:20:29Z"],
  ["dusk_astronomical", 50.08, 14.42, "2026-03-18", "2026-03-18T19:01:28Z"],
  ["dawn_astronomical", 40.71, -74.01, "2026-12-10", "2026-12-10T10:30:45Z"],
  ["dawn_nautical", 40.71, -74.01, "2026-12-11", "2026-12-11T11:04:45Z"],
  ["dawn_civil", 40.71, -74.01, "2026-12-12", "2026-12-12T11:39:52Z"],
  ["sunrise", 40.71, -74.01, "2026-12-13", "2026-12-13T12:11:29Z"],
  ["solar_noon", 40.71, -74.01, "2026-12-14", "2026-12-14T16:50:46Z"],
  ["sunset", 40.71, -74.01, "2026-12-15", "2026-12-15T21:29:30Z"],
  ["dusk_civil", 40.71, -74.01, "2026-12-16", "2026-12-16T22:00:44Z"],
  ["dusk_nautical", 40.71, -74.01, "2026-12-17", "2026-12-17T22:35:33Z"],
  ["dusk_astronomical", 40.71, -74.01, "2026-12-18", "2026-12-18T23:09:18Z"],
  ["dawn_astronomical", -33.87, 151.21, "2026-09-10", "2026-09-10T18:37:52Z"],
  ["dawn_nautical", -33.87, 151.21, "2026-09-11", "2026-09-11T19:05:28Z"],
  ["dawn_civil", -33.87, 151.21, "2026-09-12", "2026-09-12T19:32:59Z"],
  ["sunrise", -33.87, 151.21, "2026-09-13", "2026-09-13T19:56:30Z"],
  ["solar_noon", -33.87, 151.21, "2026-09-14", "2026-09-14T01:50:53Z"],
  ["sunset", -33.87, 151.21, "2026-09-15", "2026-09-15T07:46:26Z"],
  ["dusk_civil", -33.87, 151.21, "2026-09-16", "2026-09-16T08:12:02Z"],
  ["dusk_nautical", -33.87, 151.21, "2026-09-17", "2026-09-17T08:41:41Z"],
  ["dusk_astronomical", -33.87, 151.21, "2026-09-18", "2026-09-18T09:11:36Z"],
  ["dawn_astronomical", 1.35, 103.82, "2026-02-10", "2026-02-10T22:05:59Z"],
  ["dawn_nautical", 1.35, 103.82, "2026-02-11", "2026-02-11T22:30:47Z"],
  ["dawn_civil", 1.35, 103.82, "2026-02-12", "2026-02-12T22:55:30Z"],
  ["sunrise", 1.35, 103.82, "2026-02-13", "2026-02-13T23:16:41Z"],
  ["solar_noon", 1.35, 103.82, "2026-02-14", "2026-02-14T05:18:50Z"],
  ["sunset", 1.35, 103.82, "2026-02-15", "2026-02-15T11:21:00Z"],
  ["dusk_civil", 1.35, 103.82, "2026-02-16", "2026-02-16T11:42:06Z"],
  ["dusk_nautical", 1.35, 103.82, "2026-02-17", "2026-02-17T12:06:34Z"],
  ["dusk_astronomical", 1.35, 103.82, "2026-02-18", "2026-02-18T12:30:58Z"],
  ["dawn_astronomical", 64.15, -21.94, "2026-11-10", "2026-11-10T06:47:42Z"],
  ["dawn_nautical", 64.15, -21.94, "2026-11-11", "2026-11-11T07:46:02Z"],
  ["dawn_civil", 64.15, -21.94, "2026-11-12", "2026-11-12T08:48:19Z"],
  ["sunrise", 64.15, -21.94, "2026-11-13", "2026-11-13T09:50:01Z"],
  ["solar_noon", 64.15, -21.94, "2026-11-14", "2026-11-14T13:12:11Z"],
  ["sunset", 64.15, -21.94, "2026-11-15", "2026-11-15T16:27:20Z"],
  ["dusk_civil", 64.15, -21.94, "2026-11-16", "2026-11-16T17:25:06Z"],
  ["dusk_nautical", 64.15, -21.94, "2026-11-17", "2026-11-17T18:24:06Z"],
  ["dusk_astronomical", 64.15, -21.94, "2026-11-18", "2026-11-18T19:18:54Z"],
];

/** The same ephemeris, asked day by day until the sun rises or sets again: here Celery itself asks again and again. */
const polar: readonly (readonly [SolarEvent, number, number, string, string])[] = [
  ["sunrise", 69.65, 18.96, "2026-12-01", "2027-01-15T10:34:38Z"],
  ["sunset", 69.65, 18.96, "2026-05-25", "2026-07-25T22:36:23Z"],
  ["sunset", 78.22, 15.65, "2026-05-01", "2026-08-24T22:28:06Z"],
  ["sunrise", 78.22, 15.65, "2026-11-01", "2027-02-16T10:20:48Z"],
  ["dusk_astronomical", 59.33, 18.07, "2026-05-20", "2026-08-19T22:28:37Z"],
  ["sunrise", -77.85, 166.67, "2026-05-20", "2026-08-19T00:20:26Z"],
  ["sunset", -77.85, 166.67, "2026-11-20", "2027-02-19T12:42:19Z"],
];

const events = [
  "dawn_astronomical",
  "dawn_nautical",
  "dawn_civil",
  "sunrise",
  "solar_noon",
  "sunset",
  "dusk_civil",
  "dusk_nautical",
  "dusk_astronomical",
] as const satisfies readonly SolarEvent[];

describe("within ten seconds of Celery's ephemeris", () => {
  test.each([...celery, ...polar])("%s at %d %d, %s: %s", (event, latitude, longitude, day, expected) => {
    const next = solar(event, { latitude, longitude }).next(Date.parse(day), 0) ?? Number.NaN;
    expect(Math.abs(next - Date.parse(expected))).toBeLessThan(10_000);
  });
});

test("a minute from suncalc at most, at a thousand places and days between the polar circles", () => {
  const names = {
    dawn_astronomical: "nightEnd",
    dawn_nautical: "nauticalDawn",
    dawn_civil: "dawn",
    sunrise: "sunrise",
    solar_noon: "solarNoon",
    sunset: "sunset",
    dusk_civil: "dusk",
    dusk_nautical: "nauticalDusk",
    dusk_astronomical: "night",
  } as const;
  const cases = tuple(
    constantFrom(...events),
    integer({ min: -450, max: 450 }),
    integer({ min: -1_799, max: 1_799 }),
    integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) }),
  );
  let compared = 0;
  for (const [event, latitude, longitude, moment] of sample(cases, { seed: 3, numRuns: 1_000 })) {
    const place = { latitude: latitude / 10, longitude: longitude / 10 };
    // It answers for a day around noon there; ours is asked for the time just before.
    const theirs = getTimes(new Date(moment), place.latitude, place.longitude)[names[event]];
    if (theirs === null) continue;
    const ours = solar(event, place).next(theirs.getTime() - 3_600_000, 0) ?? Number.NaN;
    expect(Math.abs(ours - theirs.getTime()), `${event} ${JSON.stringify(place)} ${theirs.toISOString()}`).toBeLessThan(
      60_000,
    );
    compared++;
  }
  expect(compared).toBeGreaterThan(900);
});

describe("at the poles the sun rises once a year", () => {
  test.each([
    ["sunrise", 90, "2026-01-01", "2026-03-18"],
    ["sunset", 90, "2026-04-01", "2026-09-25"],
    ["sunrise", -90, "2026-04-01", "2026-09-20"],
    ["sunset", -90, "2026-01-01", "2026-03-22"],
  ] as const)("%s at %d", (event, latitude, from, day) => {
    const schedule = solar(event, { latitude, longitude: 0 });
    const first = schedule.next(Date.parse(from), 0) ?? Number.NaN;
    expect(new Date(first).toISOString().slice(0, 10)).toBe(day);
    const year = ((schedule.next(first, 0) ?? Number.NaN) - first) / 86_400_000;
    expect(Math.abs(year - 365.25)).toBeLessThan(1);
  });
});

test("times rise, lie strictly after, and are the same from wherever they are asked for", () => {
  const place = tuple(double({ min: -90, max: 90, noNaN: true }), double({ min: -180, max: 180, noNaN: true }));
  const moments = integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) });
  assert(
    property(constantFrom(...events), place, moments, (event, [latitude, longitude], start) => {
      const schedule = solar(event, { latitude, longitude });
      let at = start;
      for (let run = 0; run < 4; run++) {
        const next = schedule.next(at, 0) ?? Number.NaN;
        expect(next).toBeGreaterThan(at);
        expect(next % 1_000).toBe(0);
        expect(schedule.next(next - 1, 0)).toBe(next);
        expect(schedule.next(Math.floor((at + next) / 2), 0)).toBe(next);
        at = next;
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});

test("refuses what is no event and no place", () => {
  const invalid = expect.objectContaining({ code: "SCHEDULE_INVALID" });
  expect(() => solar("noon" as SolarEvent, { latitude: 0, longitude: 0 })).toThrow(/"noon" is no event.*solar_noon/);
  for (const latitude of [90.1, -91, Number.NaN, Number.POSITIVE_INFINITY, "50" as unknown as number]) {
    expect(() => solar("sunset", { latitude, longitude: 0 })).toThrow(invalid);
  }
  expect(() => solar("sunset", { latitude: 0, longitude: 181 })).toThrow(/longitude: 181.*between -180 and 180/);
});

test("is written as it was meant, and ends with the year 9999", () => {
  const schedule = solar("sunset", { latitude: 50.08, longitude: -14.42 });
  expect(String(schedule)).toBe("solar sunset 50.08 -14.42");
  expect(schedule.toJSON()).toEqual({ kind: "solar", event: "sunset", latitude: 50.08, longitude: -14.42 });
  expect(schedule.timezone).toBe("UTC");
  expect(schedule.next(Date.UTC(9999, 11, 31, 23, 59), 0)).toBe(undefined);
  expect(schedule.next(Number.NaN, 0)).toBe(undefined);
  expect(schedule.next(Number.POSITIVE_INFINITY, 0)).toBe(undefined);
});
