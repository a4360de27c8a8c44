/** Fields and planned times against Celery's own crontab, in UTC, where both mean the same. */

import { execFileSync } from "node:child_process";
import { integer, sample, tuple } from "fast-check";
import { expect, test } from "vitest";
import { type ReleaseName, releaseNames, releases } from "../../test/interop/release.ts";
import { describeNeeding } from "../../test/server/required-program.ts";
import { cron } from "./cron.ts";
import { expressions } from "./fixtures/expressions.ts";

/** Reads [expression, start in seconds] pairs; writes the next times of each, or null for what Celery refuses. */
const script = `
import json, sys
from datetime import datetime, timedelta, timezone
from celery import Celery
from celery.schedules import crontab, ParseException
app = Celery(set_as_current=False)
app.conf.timezone = "UTC"

def times(text, start):
    minute, hour, day_of_month, month_of_year, day_of_week = text.split(" ")
    now = datetime.fromtimestamp(start, timezone.utc)
    try:
        entry = crontab(minute=minute, hour=hour, day_of_month=day_of_month, month_of_year=month_of_year,
                        day_of_week=day_of_week, nowfun=lambda: now, app=app)
    except (ParseException, ValueError):
        return None
    found = []
    for _ in range(COUNT):
        last, delta, _now = entry.remaining_delta(now)
        now = last + delta
        found.append(int(now.timestamp()))
    return found

print(json.dumps([times(text, start) for text, start in json.load(sys.stdin)]))
`;
const count = 5;

type Case = readonly [text: string, start: number];

function celery(name: ReleaseName, cases: readonly Case[]): readonly (readonly number[] | null)[] {
  // Celery 5.2 has no names for months yet.
  const asked = name === "5.2" ? cases.map(([text, at]) => [monthsByNumber(text), at] as const) : cases;
  const told = execFileSync(releases[name].interpreter, ["-c", script.replace("COUNT", String(count))], {
    input: JSON.stringify(asked),
    encoding: "utf8",
  });
  return JSON.parse(told) as readonly (readonly number[] | null)[];
}

function monthsByNumber(text: string): string {
  const names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
  const month = (word: string): string => String(names.indexOf(word.slice(0, 3).toLowerCase()) + 1);
  return text.replaceAll(new RegExp(`(?:${names.join("|")})[a-z]*`, "gi"), month);
}

function ours([text, start]: Case): readonly number[] | null {
  const found: number[] = [];
  try {
    const schedule = cron(text);
    for (
      let at = schedule.next(start * 1_000, 0);
      at !== undefined && found.length < count;
      at = schedule.next(at, 0)
    ) {
      found.push(at / 1_000);
    }
    return found;
  } catch {
    return null;
  }
}

const starts = integer({ min: Date.UTC(2026, 0) / 1_000, max: Date.UTC(2036, 0) / 1_000 });
const random: readonly Case[] = sample(tuple(expressions, starts), { seed: 59, numRuns: 400 }).map(
  ([{ text }, start]) => [text, start] as const,
);
const start = Date.UTC(2026, 10, 27) / 1_000;
const oneField = (items: readonly string[], text: (item: string) => string): readonly Case[] =>
  items.map((item) => [text(item), start] as const);

for (const name of releaseNames) {
  describeNeeding(releases[name], `Celery ${name}`, () => {
    test("plans what we plan for 400 random expressions", () => {
      const theirs = celery(name, random);
      expect(random.map((each) => [each[0], ours(each)])).toEqual(random.map(([text], index) => [text, theirs[index]]));
    });

    // But for words that only begin with a name ("mond", "mon-"), of which Celery reads three letters.
    test("reads and refuses what we read and refuse", () => {
      const days = ["7", "sat-sun", "fri-mon", "Monday", "MON,wed", "0-6/2", "*/2", "6-1/2", "-1", "foo", ""];
      const hours = ["22-2", "22-2/2", "24", "*/0", "*/30", "3-3", "5-4", "1,,2", "1-5/", "/2", "L", "?", "1#2", "1.5"];
      const dates = ["0", "32", "31-1", "29-2/3", "*/31", "15W"];
      const cases = [
        ...oneField(days, (item) => `0 0 * * ${item}`),
        ...oneField(hours, (item) => `7 ${item} * * *`),
        ...oneField(dates, (item) => `0 12 ${item} * *`),
        ...oneField(["0", "13", "nov-feb", "dec-jan/2", "July"], (item) => `0 12 1 ${item} *`),
      ];
      const theirs = celery(name, cases);
      expect(cases.map((each) => [each[0], ours(each)])).toEqual(cases.map(([text], index) => [text, theirs[index]]));
      expect(theirs.filter((times) => times === null).length).toBeGreaterThan(10);
    });
  });
}
