/** What Python tells of a schedule, as schedules here. */

import { expect, it } from "vitest";
import { itemsOf } from "./import-celery-beat.ts";

const task = { task: "proj.dusk", args: [], kwargs: {} };

it("takes over the sun without a zone, and options that have a counterpart", () => {
  const schedule = { kind: "solar", event: "sunset", latitude: 50.08, longitude: 14.42 };
  const options = { queue: "slow", priority: 3, expires: 60, headers: { tenant: "t1" } };
  const [item] = itemsOf({ timezone: "Europe/Prague", entries: [{ name: "dusk", ...task, schedule, options }] });
  expect(item).toMatchObject({ planned: { name: "dusk", options: { ...options, expires: 60_000 } } });
  expect(String((item as { planned: { schedule: unknown } }).planned.schedule)).toBe("solar sunset 50.08 14.42");
});

it.each([
  [{ schedule: { kind: "every", every: 10, relative: false }, options: {} }, /every|100/],
  [{ schedule: { kind: "cron", expression: "0 3 * * *" }, options: { expires: "2026-01-01" } }, /moment/],
  [{ schedule: { kind: "cron", expression: "0 3 * * *" }, options: { link: [] } }, /"link" has no counterpart/],
  [{ problem: "TypeError: a schedule of the class Mine" }, /Mine/],
])("leaves %j, and says why", (entry, why) => {
  const [item] = itemsOf({ timezone: "UTC", entries: [{ name: "odd", ...task, ...entry } as never] });
  expect(item).toMatchObject({ source: "odd", why: expect.stringMatching(why) as string });
});
