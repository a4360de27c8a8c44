/** What a scheduler tells those who listen to the broker: each tick and what became of it, and the calls that it sent. */

import { expect, test } from "vitest";
import type { App } from "../app/app.ts";
import type { AppOptions } from "../app/config.ts";
import type { CeleryEvent } from "../wire/event.ts";
import { cron } from "./cron.ts";
import { every } from "./every.ts";
import { BeatBench } from "./fixtures/beat-bench.ts";

const minute = 60_000;
const start = "2026-01-15T12:00:00Z";

interface Stage extends AsyncDisposable {
  readonly app: App;
  readonly bench: BeatBench;
  readonly events: CeleryEvent[];
  /** `[tick, outcome, why]` of each that was told of a schedule, once there are so many: what tells it is loaded in real time. */
  ticks(schedule: string, many?: number): Promise<readonly (readonly unknown[])[]>;
}

async function open(policy: Parameters<App["schedule"]>[3] = {}, options: AppOptions = {}): Promise<Stage> {
  const bench = new BeatBench(start);
  const app = bench.app({ sentEvents: true, ...options });
  const report = app.task("report", async (day: { back: number }) => day.back);
  app.schedule("report", cron("*/5 * * * *"), report.si({ back: 1 }), policy);
  const events: CeleryEvent[] = [];
  await app.events((batch) => void events.push(...batch.events));
  return {
    app,
    bench,
    events,
    async ticks(schedule, many = 1) {
      const told = () => events.filter((event) => event.type === "celeriac-schedule" && event["schedule"] === schedule);
      const look = async (): Promise<number> => {
        await bench.clock.advance(50);
        return told().length;
      };
      await expect.poll(look, { timeout: 60_000, interval: 10 }).toBeGreaterThanOrEqual(many);
      return told().map(({ tick, outcome, why }) => [String(tick).slice(11, 16), outcome, why]);
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

test("a tick is told when it is sent, with its task, and so is the call", async () => {
  await using stage = await open();
  const { app, bench, events } = stage;
  await using _beat = await app.beat({ name: "beat@here" });
  await bench.clock.advance(6 * minute);
  expect(await stage.ticks("report")).toEqual([["12:05", "sent", null]]);
  const [tick] = await app.schedules.history("report");
  expect(events.find(({ type }) => type === "celeriac-schedule")).toMatchObject({
    hostname: "beat@here",
    schedule: "report",
    task: "report",
    tick: "2026-01-15T12:05:00.000000+00:00",
    uuid: tick?.id,
  });
  await expect
    .poll(() => events.find(({ type }) => type === "task-sent"))
    .toMatchObject({
      uuid: tick?.id,
      name: "report",
      kwargs: "{'back': 1}",
      queue: "celery",
    });
});

test("those that were missed, and the one that makes up for them", async () => {
  await using stage = await open({ misfire: "skip" });
  const { app, bench } = stage;
  await (await app.beat()).stop();
  await bench.clock.advance(13 * minute);
  await using _beat = await app.beat();
  await bench.clock.advance(3 * minute);
  expect(await stage.ticks("report", 2)).toEqual([
    ["12:10", "skipped", "missed"],
    ["12:15", "sent", null],
  ]);
});

test("one that waits for the run before", async () => {
  await using stage = await open({ overlap: "queue" });
  const { app, bench } = stage;
  await using _beat = await app.beat();
  await bench.clock.advance(11 * minute);
  expect(await stage.ticks("report", 2)).toEqual([
    ["12:05", "sent", null],
    ["12:10", "waiting", "the run before has not ended"],
  ]);
});

test("one that cannot be sent", async () => {
  await using stage = await open({}, { maxMessageBytes: 2_000 });
  const { app, bench } = stage;
  const big = app.task("big", async (_: { text: string }) => {});
  app.schedule("big", every("1m"), big.si({ text: "x".repeat(3_000) }));
  await using _beat = await app.beat();
  await bench.clock.advance(2 * minute);
  expect(await stage.ticks("big")).toEqual([[expect.any(String), "broken", expect.stringContaining("rests until")]]);
});

test("nothing where nobody wants it", async () => {
  await using stage = await open({}, { sentEvents: false });
  const { app, bench, events } = stage;
  await using _beat = await app.beat();
  await bench.clock.advance(6 * minute);
  expect(await app.schedules.history("report")).toHaveLength(1);
  expect(events).toEqual([]);
});
