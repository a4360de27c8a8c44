/** The nights on which a clock is changed, as tables: what stands in a line is all that runs in it, in local time with its offset. */

import { describe, expect, test } from "vitest";
import type { DstPolicy } from "../task/schedule.ts";
import { cron } from "./cron.ts";

/** The runs between two instants, as `HH:MM±offset` of the zone; in another way than the code makes them. */
function runs(expression: string, timezone: string, from: string, to: string, dst?: DstPolicy): string {
  const schedule = cron(expression, dst === undefined ? { timezone } : { timezone, dst });
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "shortOffset",
  });
  const found: string[] = [];
  for (
    let at = schedule.next(Date.parse(from) - 1, 0);
    at !== undefined && at < Date.parse(to);
    at = schedule.next(at, 0)
  ) {
    found.push(format.format(at).replace(" GMT", ""));
  }
  return found.join(" ");
}

type Night = readonly [zone: string, from: string, to: string];
/** 02:00 becomes 03:00. */
const parisSpring: Night = ["Europe/Paris", "2026-03-29T00:00Z", "2026-03-29T03:00Z"];
/** 03:00 becomes 02:00. */
const parisAutumn: Night = ["Europe/Paris", "2026-10-24T23:00Z", "2026-10-25T03:00Z"];
/** 02:00 becomes 03:00. */
const newYorkSpring: Night = ["America/New_York", "2026-03-08T06:00Z", "2026-03-08T09:00Z"];
/** 02:00 becomes 01:00. */
const newYorkAutumn: Night = ["America/New_York", "2026-11-01T04:00Z", "2026-11-01T08:00Z"];
/** 02:00 becomes 02:30. */
const lordHoweSpring: Night = ["Australia/Lord_Howe", "2026-10-03T14:30Z", "2026-10-03T17:00Z"];
/** 02:00 becomes 01:30. */
const lordHoweAutumn: Night = ["Australia/Lord_Howe", "2026-04-04T14:00Z", "2026-04-04T16:30Z"];

describe("a local time that does not exist runs once, at the first instant after the gap", () => {
  test.each([
    ["30 2 * * *", parisSpring, "03:00+2"],
    ["0 2 * * *", parisSpring, "03:00+2"],
    ["0 3 * * *", parisSpring, "03:00+2"],
    ["0,15,30,45 2 * * *", parisSpring, "03:00+2"],
    ["0,30 2 * * *", parisSpring, "03:00+2"],
    ["30 1-3 * * *", parisSpring, "01:30+1 03:00+2 03:30+2"],
    ["0 */2 * * *", parisSpring, "03:00+2 04:00+2"],
    ["*/20 2 * * *", parisSpring, "03:00+2"],
    ["30 2 29 3 *", parisSpring, "03:00+2"],
    ["30 2 * * mon", parisSpring, ""],
    ["30 2 * * *", newYorkSpring, "03:00-4"],
    ["45 1-3 * * sun", newYorkSpring, "01:45-5 03:00-4 03:45-4"],
    ["15 2 * * *", lordHoweSpring, "02:30+11"],
    ["30 2 * * *", lordHoweSpring, "02:30+11"],
    ["15,45 2 * * *", lordHoweSpring, "02:30+11 02:45+11"],
  ] as const)("%s #%#", (expression, [zone, from, to], expected) => {
    expect(runs(expression, zone, from, to)).toBe(expected);
  });
});

describe("a local time that comes twice runs at the first", () => {
  test.each([
    ["30 2 * * *", parisAutumn, "02:30+2"],
    ["0 2 * * *", parisAutumn, "02:00+2"],
    ["0 3 * * *", parisAutumn, "03:00+1"],
    ["0,30 2 * * *", parisAutumn, "02:00+2 02:30+2"],
    ["30 1-3 * * *", parisAutumn, "01:30+2 02:30+2 03:30+1"],
    ["0,30 1-3 * * *", parisAutumn, "01:00+2 01:30+2 02:00+2 02:30+2 03:00+1 03:30+1"],
    ["0 */2 * * *", parisAutumn, "02:00+2"],
    ["30 1 * * *", newYorkAutumn, "01:30-4"],
    ["0 1,2 * * *", newYorkAutumn, "01:00-4 02:00-5"],
    ["45 1 * * *", lordHoweAutumn, "01:45+11"],
    ["30 1 * * *", lordHoweAutumn, "01:30+11"],
    ["0 2 * * *", lordHoweAutumn, "02:00+10:30"],
  ] as const)("%s #%#", (expression, [zone, from, to], expected) => {
    expect(runs(expression, zone, from, to)).toBe(expected);
  });
});

describe("what says every goes by the real clock", () => {
  test.each([
    ["0 * * * *", parisSpring, "01:00+1 03:00+2 04:00+2"],
    ["30 * * * *", parisSpring, "01:30+1 03:30+2 04:30+2"],
    ["*/30 * * * *", parisSpring, "01:00+1 01:30+1 03:00+2 03:30+2 04:00+2 04:30+2"],
    ["*/30 1-2 * * *", parisSpring, "01:00+1 01:30+1 03:00+2"],
    ["0 * * * *", parisAutumn, "01:00+2 02:00+2 02:00+1 03:00+1"],
    ["*/30 * * * *", parisAutumn, "01:00+2 01:30+2 02:00+2 02:30+2 02:00+1 02:30+1 03:00+1 03:30+1"],
    ["*/30 2 * * *", parisAutumn, "02:00+2 02:30+2 02:00+1 02:30+1"],
    ["0 0-23 * * *", newYorkSpring, "01:00-5 03:00-4 04:00-4"],
    ["0 0-23 * * *", newYorkAutumn, "00:00-4 01:00-4 01:00-5 02:00-5"],
    // Half an hour: whatever minute it is, no more than an hour passes without a run in spring, and each shown time runs in autumn.
    ["0 * * * *", lordHoweSpring, "01:00+10:30 02:30+11 03:00+11"],
    ["15 * * * *", lordHoweSpring, "01:15+10:30 02:30+11 03:15+11"],
    ["*/30 * * * *", lordHoweSpring, "01:00+10:30 01:30+10:30 02:30+11 03:00+11 03:30+11"],
    ["0 * * * *", lordHoweAutumn, "01:00+11 02:00+10:30"],
    ["45 * * * *", lordHoweAutumn, "01:45+11 01:45+10:30 02:45+10:30"],
    ["*/30 * * * *", lordHoweAutumn, "01:00+11 01:30+11 01:30+10:30 02:00+10:30 02:30+10:30"],
  ] as const)("%s #%#", (expression, [zone, from, to], expected) => {
    expect(runs(expression, zone, from, to)).toBe(expected);
  });
});

describe("a policy says otherwise", () => {
  test.each([
    ["30 2 * * *", parisSpring, { gap: "skip" }, ""],
    ["30 1-3 * * *", parisSpring, { gap: "skip" }, "01:30+1 03:30+2"],
    ["30 * * * *", parisSpring, { gap: "run" }, "01:30+1 03:00+2 03:30+2 04:30+2"],
    ["0 * * * *", lordHoweSpring, { gap: "skip" }, "01:00+10:30 03:00+11"],
    ["30 2 * * *", parisAutumn, { overlap: "second" }, "02:30+1"],
    ["30 2 * * *", parisAutumn, { overlap: "both" }, "02:30+2 02:30+1"],
    ["0 * * * *", parisAutumn, { overlap: "first" }, "01:00+2 02:00+2 03:00+1"],
    ["0 * * * *", parisAutumn, { overlap: "second" }, "01:00+2 02:00+1 03:00+1"],
    ["0,30 2 * * *", parisAutumn, { overlap: "both" }, "02:00+2 02:30+2 02:00+1 02:30+1"],
    ["45 1 * * *", lordHoweAutumn, { overlap: "second" }, "01:45+10:30"],
  ] as const)("%s #%#", (expression, [zone, from, to], dst, expected) => {
    expect(runs(expression, zone, from, to, dst)).toBe(expected);
  });
});

test("a time that only ever lies in a gap that is skipped never comes", () => {
  const expression = "30 2 25-31 mar sun";
  expect(runs(expression, ...parisSpring)).toBe("03:00+2");
  expect(cron(expression, { timezone: "Europe/Paris", dst: { gap: "skip" } }).next(Date.UTC(2026, 0), 0)).toBe(
    undefined,
  );
});

describe("elsewhere", () => {
  test("a gap at midnight belongs to the day that it begins", () => {
    // Santiago, 6 September 2026: 00:00 becomes 01:00.
    const night: Night = ["America/Santiago", "2026-09-06T03:00Z", "2026-09-06T06:00Z"];
    expect(runs("0 0 * * sun", ...night)).toBe("01:00-3");
    expect(runs("30 0 6 9 *", ...night)).toBe("01:00-3");
    expect(runs("30 0 * * sat", ...night)).toBe("");
  });

  test("a day that was left out is made up for at the next", () => {
    // Samoa had no 30 December 2011.
    const turn: Night = ["Pacific/Apia", "2011-12-29T10:00Z", "2012-01-01T10:00Z"];
    expect(runs("0 12 * * *", ...turn)).toBe("12:00-10 00:00+14 12:00+14 12:00+14");
    expect(runs("0 12 30 12 *", ...turn)).toBe("00:00+14");
  });

  test("an offset with seconds", () => {
    // Liberia left -0:44:30 on 7 January 1972.
    const schedule = cron("0 0 * * *", { timezone: "Africa/Monrovia" });
    expect(schedule.next(Date.UTC(1971, 5, 1), 0)).toBe(Date.UTC(1971, 5, 1, 0, 44, 30));
    expect(schedule.next(Date.UTC(1972, 5, 1), 0)).toBe(Date.UTC(1972, 5, 2));
  });
});
