/** What a schedule wants: compared with the plain reading of the rules, tick by tick, for many schedules, times and policies. */

import { assert, constant, constantFrom, integer, oneof, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { declareSchedule, type ScheduleOptions } from "../app/schedule-book.ts";
import type { Schedule } from "../task/schedule.ts";
import { Signature } from "../task/signature.ts";
import { cron } from "./cron.ts";
import { type Entry, jitterOf, newEntry } from "./entry.ts";
import { every } from "./every.ts";
import { lastDue, planNext } from "./plan.ts";

const start = Date.parse("2026-01-15T12:00:00Z");
const minute = 60_000;
const call = new Signature({ task: "t", args: [], kwargs: {}, immutable: true });

const entryOf = (schedule: Schedule, options: ScheduleOptions): Entry =>
  newEntry(declareSchedule("s", schedule, call, options, "celery"), "code", "shop", start);

/** All ticks of the entry after `cursor` whose time has come, one by one. */
function dueTicks(entry: Entry, cursor: number, now: number): readonly number[] {
  const ticks: number[] = [];
  let tick = entry.schedule.next(cursor, entry.since);
  while (tick !== undefined && tick + jitterOf(entry, tick) <= now) {
    ticks.push(tick);
    tick = entry.schedule.next(tick, entry.since);
  }
  return ticks;
}

/** What is sent when a scheduler comes back at `now`, by the words of the documentation. */
function expected(entry: Entry, cursor: number, now: number): readonly number[] {
  const { grace, misfire, limit } = entry.policy;
  const due = dueTicks(entry, cursor, now);
  // In order: what follows a tick that is on time is on time.
  const first = due.findIndex((tick) => tick + jitterOf(entry, tick) >= now - grace);
  const missed = first === -1 ? due : due.slice(0, first);
  const onTime = first === -1 ? [] : due.slice(first);
  if (misfire === "all") return [...missed.slice(-limit), ...onTime];
  if (misfire === "once" && onTime.length === 0) return missed.slice(-1);
  return onTime;
}

function planned(entry: Entry, from: number, now: number): readonly number[] {
  const sent: number[] = [];
  let cursor = from;
  let allowed = -Infinity;
  for (;;) {
    const step = planNext(entry, cursor, now, allowed);
    if (step.kind === "wait") return sent;
    expect(step.tick).toBeGreaterThan(cursor);
    cursor = step.tick;
    allowed = now - entry.policy.grace;
    if (step.kind === "send") sent.push(step.tick);
  }
}

const schedules = oneof(
  integer({ min: 1_000, max: 600_000 }).map((ms) => every(ms)),
  constantFrom("* * * * *", "*/7 * * * *", "0,1,2 * * * *", "30 3 * * *", "0 0 1 * *").map((text) => cron(text)),
);
const options = record({
  misfire: constantFrom("skip", "once", "all"),
  grace: integer({ min: 0, max: 5 * minute }),
  jitter: oneof(constant(0), integer({ min: 1, max: 3 * minute })),
  limit: integer({ min: 1, max: 40 }),
});

describe("the plan of an entry", () => {
  test("after any outage is that of the rules", () => {
    assert(
      property(schedules, options, integer({ min: 0, max: 100 * minute }), (schedule, policy, outage) => {
        const entry = entryOf(schedule, policy as ScheduleOptions);
        expect(planned(entry, start, start + outage)).toEqual(expected(entry, start, start + outage));
        expect(lastDue(entry, start, start + outage)).toBe(dueTicks(entry, start, start + outage).at(-1));
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  test("after a year's outage of a schedule of a second is found without looking at each of its ticks", () => {
    const entry = entryOf(every("1s"), { misfire: "once" });
    const now = start + 365 * 24 * 60 * minute;
    let asked = 0;
    const counting: Entry = {
      ...entry,
      schedule: { ...entry.schedule, next: (after, since) => ((asked += 1), entry.schedule.next(after, since)) },
    };
    expect(planNext({ ...counting, policy: { ...entry.policy, misfire: "skip" } }, start, now)).toEqual({
      kind: "skip",
      tick: now - minute - 1_000,
      why: "missed",
    });
    expect(asked).toBeLessThan(1_000);
  });

  test("waits until the next tick, and for ever after the last", () => {
    expect(planNext(entryOf(cron("*/5 * * * *"), {}), start, start)).toEqual({
      kind: "wait",
      until: start + 5 * minute,
    });
    const never: Schedule = { ...every("1h"), next: () => undefined };
    expect(planNext({ ...entryOf(every("1h"), {}), schedule: never }, start, start)).toEqual({
      kind: "wait",
      until: Infinity,
    });
  });
});
