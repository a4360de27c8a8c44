/**
 * Planned times against croner, a cron of other hands. Where the two differ on purpose, the difference has a name and a reason
 * below; any other fails.
 */

import { Cron } from "croner";
import { constantFrom, integer, sample, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { cron } from "./cron.ts";
import { expressions, zones } from "./fixtures/expressions.ts";

const hour = 3_600_000;
const from = Date.UTC(2026, 0, 1);
const tenYears = Date.UTC(2036, 0, 1);

/**
 * Times of one side only, each with the reason.
 *
 * - `made up`: a local time that does not exist runs at the end of the gap. croner does so for one fixed time of day alone, and leaves
 *   out those of lists, ranges and steps; with us each one counts, and in a gap of half an hour those of `*` hours too.
 * - `not again`: a local time that comes twice runs at the first. croner runs all but one fixed time of day at both; we do so only for
 *   what says "every": all hours, or minutes with a star.
 */
type Reason = "made up" | "not again";

function compare(text: string, plain: string, zone: string, start: number, end: number, count = Infinity): Reason[] {
  const ours = cron(text, { timezone: zone });
  const mine = times((after) => ours.next(after, 0), start, end, count);
  const theirs = new Cron(plain, { timezone: zone, domAndDow: true, paused: true });
  const other = times((after) => theirs.nextRun(new Date(after))?.getTime(), start, end, count);
  // Both were asked for so many; one may have come farther.
  const until = Math.min(
    mine.length < count ? end : (mine.at(-1) ?? end),
    other.length < count ? end : (other.at(-1) ?? end),
  );
  const [mineSet, otherSet] = [new Set(mine), new Set(other)];
  const what = `${text} in ${zone}`;
  return [
    ...mine
      .filter((time) => time <= until && !otherSet.has(time))
      .map((time) => {
        expect(isEndOfGap(zone, time), `${what}: only we run at ${new Date(time).toISOString()}`).toBe(true);
        return "made up" as const;
      }),
    ...other
      .filter((time) => time <= until && !mineSet.has(time))
      .map((time) => {
        expect(isRepeated(zone, time), `${what}: only croner runs at ${new Date(time).toISOString()}`).toBe(true);
        return "not again" as const;
      }),
  ];
}

function times(next: (after: number) => number | undefined, start: number, end: number, count: number): number[] {
  const found: number[] = [];
  for (let at = next(start - 1); at !== undefined && at < end && found.length < count; at = next(at)) found.push(at);
  return found;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** In another way than the code: by the parts of the date that a clock there shows. */
function offset(zone: string, instant: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
    formats.set(zone, (format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...numeric })));
  }
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
  return local - Math.floor(instant / 60_000) * 60_000;
}

function isEndOfGap(zone: string, time: number): boolean {
  return offset(zone, time) > offset(zone, time - 1);
}

/** Has a clock there shown the same before? */
function isRepeated(zone: string, time: number): boolean {
  const back = offset(zone, time - 3 * hour) - offset(zone, time);
  return back > 0 && offset(zone, time - back) - offset(zone, time) === back;
}

/** The changes of ten years, each on a full or a half hour. */
function changes(zone: string): number[] {
  const day = 24 * hour;
  const found: number[] = [];
  for (let at = from; at < tenYears; at += day) {
    if (offset(zone, at) === offset(zone, at + day)) continue;
    let change = at;
    while (offset(zone, change) === offset(zone, at)) change += hour / 2;
    found.push(change);
  }
  return found;
}

function counted(reasons: readonly Reason[]): Readonly<Record<Reason, number>> {
  return {
    "made up": reasons.filter((reason) => reason === "made up").length,
    "not again": reasons.filter((reason) => reason === "not again").length,
  };
}

describe("ten years, every time", () => {
  // Behind each: how often the two differ, twenty changes in ten years at most.
  test.each([
    ["0 3 * * *", "Europe/Prague", 0, 0],
    ["30 2 * * *", "Europe/Paris", 0, 0],
    ["30 1 * * *", "America/New_York", 0, 0],
    ["0 */6 * * *", "Australia/Lord_Howe", 0, 0],
    ["15,45 1,2 * * *", "Europe/Paris", 10, 20],
    ["45 9-11 * * mon-fri", "America/New_York", 0, 0],
    ["0 0 1 * *", "Europe/Paris", 0, 0],
    ["0 0 29 2 *", "Pacific/Auckland", 0, 0],
    ["0 12 13 * fri", "Europe/London", 0, 0],
    ["0 0 31 * *", "America/Santiago", 0, 0],
    ["5 4 * * sun", "Asia/Kolkata", 0, 0],
    ["0 8 1-7 jan-jun/2 mon", "Pacific/Auckland", 0, 0],
    ["30 0,23 * * *", "America/Santiago", 10, 10],
  ])("%s in %s", (expression, zone, madeUp, notAgain) => {
    const reasons = compare(expression, expression, zone, from, tenYears);
    expect(counted(reasons)).toEqual({ "made up": madeUp, "not again": notAgain });
  });

  test.each([
    ["0 * * * *", "Europe/Paris", 0],
    ["*/30 * * * *", "America/New_York", 0],
    ["0 * * * *", "Australia/Lord_Howe", 10],
    ["*/30 1-5 * * *", "Europe/Paris", 0],
  ])("%s in %s, the hours around each change", (expression, zone, madeUp) => {
    const reasons = changes(zone).flatMap((at) => compare(expression, expression, zone, at - 6 * hour, at + 6 * hour));
    expect(counted(reasons)).toEqual({ "made up": madeUp, "not again": 0 });
  });
});

test("a thousand random expressions, fifteen times of each, half of them from the eve of a change", () => {
  const starts = tuple(constantFrom(true, false), integer({ min: from, max: tenYears }));
  const cases = sample(tuple(expressions, zones, starts), { seed: 20_261_127, numRuns: 1_000 });
  const nights = new Map(["UTC", "Asia/Kolkata"].map((zone) => [zone, [from]]));
  const reasons: Reason[] = [];
  for (const [{ text, plain }, zone, [eve, moment]] of cases) {
    if (!nights.has(zone)) nights.set(zone, changes(zone));
    const night = nights.get(zone) ?? [];
    const start = eve ? (night[moment % night.length] ?? from) - 6 * hour : moment;
    reasons.push(...compare(text, plain, zone, start, tenYears + 40 * 366 * 24 * hour, 15));
  }
  expect(reasons.length).toBeGreaterThan(0);
  expect(reasons.length).toBeLessThan(20);
});
