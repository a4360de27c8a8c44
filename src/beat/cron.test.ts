import { assert, constantFrom, integer, pre, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import type { DstPolicy, Schedule } from "../task/schedule.ts";
import { cron } from "./cron.ts";
import { cronFields, cronValues } from "./cron-field.ts";
import { expressions, zones } from "./fixtures/expressions.ts";

const iso = (schedule: Schedule, after: string): string =>
  new Date(schedule.next(Date.parse(after), 0) ?? 0).toISOString();

/** Is there such a date in the leap year 2028? */
function isPossible(text: string): boolean {
  const [, , dates = [], months = []] = text
    .split(" ")
    .map((word, index) => cronValues(word, cronFields[index] ?? cronFields[0]));
  return months.some((month) =>
    dates.some((date) => new Date(Date.UTC(2028, month - 1, date)).getUTCMonth() === month - 1),
  );
}

function refuses(make: () => unknown, message: RegExp): void {
  expect(make).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID", message: expect.stringMatching(message) }));
}

describe("fields", () => {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = cronFields;
  test.each([
    [minute, "*/20", [0, 20, 40]],
    [minute, "0,30,5-7", [0, 5, 6, 7, 30]],
    [hour, "22-2", [0, 1, 2, 22, 23]],
    [hour, "22-4/3", [1, 4, 22]],
    [hour, "9-17/4", [9, 13, 17]],
    [dayOfMonth, "*/10", [1, 11, 21, 31]],
    [dayOfMonth, "30-2", [1, 2, 30, 31]],
    [month, "nov-feb", [1, 2, 11, 12]],
    [month, "july", [7]],
    [dayOfWeek, "*/2", [0, 2, 4, 6]],
    [dayOfWeek, "fri-mon", [0, 1, 5, 6]],
    [dayOfWeek, "saturday,sun", [0, 6]],
    [dayOfWeek, "3-3", [3]],
  ] as const)("$0.name $1", (field, text, values) => {
    expect(cronValues(text, field)).toEqual(values);
  });

  test.each([
    ["0 0 * * 7", /"7" is no day of week\. Sunday is 0/],
    ["60 0 * * *", /"60" is no minute.*0 to 59/],
    ["0 24 * * *", /"24" is no hour/],
    ["0 0 0 * *", /"0" is no day of month.*1 to 31/],
    ["0 0 * 13 *", /"13" is no month.*jan/],
    ["0 0 * fri *", /"fri" is no month/],
    ["0 0 L * *", /"l" is no day of month/],
    ["0 0 ? * *", /\?, L, W and # are not known/],
    ["0 0 * * mon#2", /"mon#2" is nothing/],
    ["*/0 * * * *", /step of "\*\/0" is 0/],
    ["5/15 * * * *", /Write "5-59\/15"/],
    ["1,,2 * * * *", /"" is nothing/],
    ["1- * * * *", /"1-" is nothing/],
    ["-1 * * * *", /"-1" is nothing/],
    ["* * * *", /has not five fields/],
    ["0 0 3 * * *", /has not five fields/],
    ["", /has not five fields/],
    ["@reboot", /@hourly/],
    ["0 0 30 2 *", /names dates that no year has/],
    ["0 0 31 4,6,9,11 *", /names dates that no year has/],
    [`${"0,".repeat(600)}0 * * * *`, /1209 characters/],
    [`${"9".repeat(300)} * * * *`, /"9{78}… is no minute/],
  ])("refuses %s", (expression, message) => {
    refuses(() => cron(expression), message);
  });

  test("a regular expression's nightmare is refused at once", () => {
    refuses(() => cron(`${"a".repeat(900)}! * * * *`), /is nothing/);
  });
});

describe("times", () => {
  test("all fields must hold: Friday the 13th", () => {
    expect(iso(cron("0 12 13 * fri"), "2026-11-27T00:00Z")).toBe("2027-08-13T12:00:00.000Z");
  });

  test("dates that some months lack are passed over", () => {
    expect(iso(cron("0 0 31 * *"), "2027-01-31T00:00Z")).toBe("2027-03-31T00:00:00.000Z");
    expect(iso(cron("0 0 30 * *"), "2027-01-30T00:00Z")).toBe("2027-03-30T00:00:00.000Z");
  });

  test("the rarest of dates, and the years without a leap day around 2100", () => {
    const rare = cron("0 0 29 2 mon");
    const found: string[] = [];
    for (let at = rare.next(Date.UTC(2026, 0), 0); at !== undefined && found.length < 4; at = rare.next(at, 0)) {
      found.push(new Date(at).toISOString().slice(0, 10));
    }
    expect(found).toEqual(["2044-02-29", "2072-02-29", "2112-02-29", "2140-02-29"]);
    expect(iso(cron("0 0 29 2 *", { timezone: "Europe/Paris" }), "2096-03-01T00:00Z")).toBe("2104-02-28T23:00:00.000Z");
  });

  test("strictly after, to the millisecond", () => {
    const schedule = cron("0 3 * * *");
    const three = Date.UTC(2026, 0, 1, 3);
    expect([three - 1, three - 0.5, three, three + 1].map((after) => (schedule.next(after, 0) ?? 0) - three)).toEqual([
      0, 0, 86_400_000, 86_400_000,
    ]);
  });

  test("ends with the year 9999, begins with 1970, and says nothing of what is no time", () => {
    const paris = cron("0 0 * * *", { timezone: "Europe/Paris" });
    for (const schedule of [cron("0 0 * * *"), paris]) {
      expect(schedule.next(Date.UTC(9999, 11, 31, 23, 30), 0)).toBe(undefined);
      expect(schedule.next(Number.POSITIVE_INFINITY, 0)).toBe(undefined);
      expect(schedule.next(Number.NaN, 0)).toBe(undefined);
    }
    expect(cron("0 0 * * *").next(Number.NEGATIVE_INFINITY, 0)).toBe(0);
    expect(paris.next(Date.UTC(9999, 11, 29, 12), 0)).toBe(Date.UTC(9999, 11, 29, 23));
  });

  test.each([
    ["@hourly", "2026-11-27T11:00:00.000Z"],
    ["@daily", "2026-11-28T00:00:00.000Z"],
    ["@midnight", "2026-11-28T00:00:00.000Z"],
    ["@weekly", "2026-11-29T00:00:00.000Z"],
    ["@monthly", "2026-12-01T00:00:00.000Z"],
    ["@yearly", "2027-01-01T00:00:00.000Z"],
    ["@annually", "2027-01-01T00:00:00.000Z"],
  ])("%s", (name, expected) => {
    expect(iso(cron(name), "2026-11-27T10:30Z")).toBe(expected);
  });
});

test("fields by name are the same expression", () => {
  const schedule = cron({ minute: [0, 30], hour: "22-2", dayOfWeek: "mon, wed", timezone: "Europe/Prague" });
  expect(schedule.toJSON()).toEqual({
    kind: "cron",
    expression: "0,30 22-2 * * mon,wed",
    timezone: "Europe/Prague",
  });
  expect(String(cron({ minute: 5, dayOfMonth: 1, monthOfYear: "jan" }))).toBe("5 * 1 jan *");
  refuses(() => cron({ minute: [] }), /not five fields/);
  refuses(() => cron({ minute: "1 2" }), /not five fields/);
  refuses(() => cron(7 as unknown as string), /7 is neither text nor fields/);
});

test("an unknown zone is named", () => {
  refuses(() => cron("0 3 * * *", { timezone: "Europe/Pragu" }), /"Europe\/Pragu" is no time zone/);
});

test("an unknown policy is refused", () => {
  refuses(() => cron("0 3 * * *", { dst: { gap: "twice" } as unknown as DstPolicy }), /dst\.gap: "twice"/);
  refuses(() => cron("0 3 * * *", { dst: { overlap: 1 } as unknown as DstPolicy }), /dst\.overlap: 1/);
});

test("is written as it was meant", () => {
  const schedule = cron(" 0  3 * *  MON ", { timezone: "Europe/Paris", dst: { overlap: "both", gap: "skip" } });
  expect(String(schedule)).toBe("0 3 * * mon Europe/Paris gap=skip overlap=both");
  expect(schedule).toMatchObject({ kind: "cron", timezone: "Europe/Paris" });
  expect(JSON.parse(JSON.stringify(schedule))).toEqual({
    kind: "cron",
    expression: "0 3 * * mon",
    timezone: "Europe/Paris",
    dst: { gap: "skip", overlap: "both" },
  });
});

describe("for any expression, zone and policy", () => {
  const policies = record(
    { gap: constantFrom("run", "skip"), overlap: constantFrom("first", "second", "both") },
    { requiredKeys: [] },
  );
  const moments = integer({ min: Date.UTC(2026, 0), max: Date.UTC(2036, 0) });

  test("times rise, lie strictly after, and are the same from wherever they are asked for", () => {
    assert(
      property(expressions, zones, policies, moments, ({ text }, timezone, dst, start) => {
        pre(isPossible(text));
        const schedule = cron(text, { timezone, dst: dst as DstPolicy });
        let at = start;
        for (let run = 0; run < 5; run++) {
          const next = schedule.next(at, 0);
          if (next === undefined) return;
          expect(next).toBeGreaterThan(at);
          expect(schedule.next(next - 1, 0)).toBe(next);
          // Another scheduler, which has not seen what came before, and from half way.
          expect(cron(text, { timezone, dst: dst as DstPolicy }).next(Math.floor((at + next) / 2), 0)).toBe(next);
          at = next;
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test("each time shows the minute, hour and date on a clock there", () => {
    assert(
      property(expressions, zones, moments, ({ text }, timezone, start) => {
        pre(isPossible(text));
        const at = cron(text, { timezone, dst: { gap: "skip" } }).next(start, 0);
        if (at === undefined) return;
        const shown = new Map(
          new Intl.DateTimeFormat("en-US", {
            timeZone: timezone,
            hourCycle: "h23",
            minute: "numeric",
            hour: "numeric",
            day: "numeric",
            month: "numeric",
            weekday: "short",
          })
            .formatToParts(at)
            .map(({ type, value }) => [type, value.toLowerCase()]),
        );
        const part = (type: Intl.DateTimeFormatPartTypes): string => shown.get(type) ?? "";
        const words = [part("minute"), part("hour"), part("day"), part("month"), part("weekday")];
        text.split(" ").forEach((field, index) => {
          const kind = cronFields[index];
          if (kind === undefined) throw new Error(text);
          const [value = Number.NaN] = cronValues(words[index] ?? "", kind);
          expect(cronValues(field, kind), `${text} in ${timezone}: ${kind.name}`).toContain(value);
        });
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});
