import { anything, assert, constantFrom, double, integer, oneof, property, record, string, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { DstPolicy, Schedule } from "../task/schedule.ts";
import { cron } from "./cron.ts";
import { every } from "./every.ts";
import { zones } from "./fixtures/expressions.ts";
import { parseSchedule, scheduleOf } from "./schedule-spec.ts";
import { solar } from "./solar.ts";

const dst = record(
  { gap: constantFrom("run", "skip"), overlap: constantFrom("first", "second", "both") },
  { requiredKeys: [] },
);
const interval = integer({ min: 100, max: 1_000_000_000 });
const place = record({
  latitude: double({ min: -90, max: 90, noNaN: true }),
  longitude: double({ min: -180, max: 180, noNaN: true }),
});
const schedules = oneof(
  tuple(constantFrom("0 3 * * *", "@daily", "*/5 22-2 * jan-mar mon,wed"), zones, dst).map(
    ([expression, timezone, policy]) => cron(expression, { timezone, dst: policy as DstPolicy }),
  ),
  interval.map((ms) => every(ms)),
  tuple(interval, zones).map(([ms, timezone]) => every(ms, { relative: true, timezone })),
  tuple(constantFrom("sunset", "solar_noon", "dawn_civil"), place).map(([event, where]) => solar(event, where)),
);
const now = Date.UTC(2026, 10, 27, 12);

function same(one: Schedule, other: Schedule): void {
  expect(other.toJSON()).toEqual(one.toJSON());
  expect([other.kind, other.timezone, String(other)]).toEqual([one.kind, one.timezone, String(one)]);
  expect(other.next(now, now - 5_000)).toBe(one.next(now, now - 5_000));
}

/** What a schedule answers, or that there is none. Any other error is thrown. */
function answered(make: () => Schedule): string {
  try {
    return typeof make().next(now, now);
  } catch (error) {
    if (error instanceof CeleriacError) return "refused";
    throw error;
  }
}

test("what a schedule is written as makes the same one, as data and as text", () => {
  assert(
    property(schedules, (schedule) => {
      same(schedule, scheduleOf(JSON.parse(JSON.stringify(schedule))));
      same(schedule, parseSchedule(String(schedule)));
    }),
    { seed: 1 },
  );
});

describe("words of a person", () => {
  test.each([
    ["*/5 * * * *", { kind: "cron", expression: "*/5 * * * *", timezone: "UTC" }],
    [" 0  3 * * MON Europe/Prague ", { kind: "cron", expression: "0 3 * * mon", timezone: "Europe/Prague" }],
    ["@daily America/New_York", { kind: "cron", expression: "0 0 * * *", timezone: "America/New_York" }],
    ["30 2 * * * gap=skip", { kind: "cron", expression: "30 2 * * *", timezone: "UTC", dst: { gap: "skip" } }],
    ["every 30s", { kind: "every", every: 30_000 }],
    ["every 1d relative", { kind: "every", every: 86_400_000, relative: true, timezone: "UTC" }],
    [
      "every 1d relative Europe/Prague",
      { kind: "every", every: 86_400_000, relative: true, timezone: "Europe/Prague" },
    ],
    ["solar sunset 50.08 -14.42", { kind: "solar", event: "sunset", latitude: 50.08, longitude: -14.42 }],
  ])("%s", (text, spec) => {
    expect(parseSchedule(text).toJSON()).toEqual(spec);
  });

  test("a zone of the command line is for what names none and has one", () => {
    const zone = { timezone: "Asia/Tokyo" };
    expect(parseSchedule("0 3 * * *", zone).timezone).toBe("Asia/Tokyo");
    expect(parseSchedule("0 3 * * * UTC", zone).timezone).toBe("UTC");
    expect(parseSchedule("every 1d relative", zone).timezone).toBe("Asia/Tokyo");
    expect(parseSchedule("every 30s", zone).timezone).toBe("UTC");
    expect(parseSchedule("solar sunset 50 14", zone).timezone).toBe("UTC");
  });

  test.each([
    ["", /not five fields/],
    ["tomorrow", /not five fields/],
    ["0 3 * * * Europe/Prague Europe/Paris", /says more/],
    ["0 3 * * * gap=often", /dst\.gap/],
    ["0 3 * * * * *", /says more/],
    ["0 3 * * * 5", /"5" is no time zone/],
    ["every 30s Europe/Prague", /says more/],
    ["every 30s relative Europe/Prague now", /says more/],
    ["every", /no length of time/],
    ["solar sunset", /latitude/],
    ["solar sunset 0x10 14", /latitude/],
    ["solar sunset 50 14 Europe/Prague", /says more/],
    ["solar noon 50 14", /"noon" is no event/],
  ])("refuses %s", (text, message) => {
    expect(() => parseSchedule(text)).toThrow(message);
  });
});

describe("data of a store", () => {
  test.each([
    [undefined],
    [null],
    ["0 3 * * *"],
    [[]],
    [{}],
    [{ kind: "cron" }],
    [{ kind: "cron", expression: 5 }],
    [{ kind: "cron", expression: "0 3 * * *", timezone: 5 }],
    [{ kind: "cron", expression: "0 3 * * *", dst: "both" }],
    [{ kind: "cron", expression: "0 3 * * *", dst: { gap: "both" } }],
    [{ kind: "cron", expression: "0 0 30 2 *" }],
    [{ kind: "every", every: "30s" }],
    [{ kind: "every", every: -1 }],
    [{ kind: "every", every: Number.NaN }],
    [{ kind: "every", every: 5 }],
    [{ kind: "every", every: 5_000, relative: "yes" }],
    [{ kind: "solar", event: "sunset" }],
    [{ kind: "solar", event: ["sunset"], latitude: 1, longitude: 2 }],
    [{ kind: "solar", event: "toString", latitude: 1, longitude: 2 }],
    [{ kind: "solar", event: "sunset", latitude: null, longitude: "2" }],
    [{ kind: "yearly" }],
  ])("refuses %j", (spec) => {
    expect(() => scheduleOf(spec)).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID" }));
  });

  test("whatever it is, it is a schedule or a refusal", () => {
    const near = record(
      {
        kind: constantFrom("cron", "every", "solar"),
        expression: oneof(string(), constantFrom("0 3 * * *")),
        every: oneof(integer(), double()),
        timezone: oneof(string(), zones),
        relative: anything(),
        dst: anything(),
        event: anything(),
        latitude: anything(),
        longitude: anything(),
      },
      { requiredKeys: ["kind"] },
    );
    assert(
      property(oneof(near, anything()), string(), (spec, text) => {
        for (const make of [() => scheduleOf(spec), () => parseSchedule(text)]) {
          expect(["number", "undefined", "refused"]).toContain(answered(make));
        }
      }),
      { seed: 2, numRuns: 2_000 },
    );
  });
});
