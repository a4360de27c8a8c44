/** The scheduler on a virtual clock and a memory server: when it sends, what it makes up for, and what it leaves alone. */

import { describe, expect, test, vi } from "vitest";
import type { App } from "../app/app.ts";
import { coreOf } from "../app/app.ts";
import { cron } from "./cron.ts";
import { every } from "./every.ts";
import { BeatBench } from "./fixtures/beat-bench.ts";

const minute = 60_000;
const hour = 60 * minute;

const start = "2026-01-15T12:00:00Z";

function declare(app: App, options: Parameters<App["schedule"]>[3] = {}): App {
  const report = app.task("report", async (day: { back: number }) => day.back);
  app.schedule("report", cron("*/5 * * * *"), report.si({ back: 1 }), options);
  return app;
}

describe("a scheduler", () => {
  test("sends each tick at its time, as an ordinary task message", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(16 * minute);
    const sent = await bench.sent(app);
    expect(sent.map(({ task, at }) => [task, new Date(at).toISOString()])).toEqual([
      ["report", "2026-01-15T12:05:00.000Z"],
      ["report", "2026-01-15T12:10:00.000Z"],
      ["report", "2026-01-15T12:15:00.000Z"],
    ]);
    expect(await app.schedules.history("report")).toEqual(
      sent.toReversed().map(({ id, at }) => ({ tick: new Date(at), id })),
    );
  });

  test("forgets nothing over a restart, and fires nothing twice", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    for (let n = 0; n < 4; n += 1) {
      await using _beat = await app.beat({ onEvent: bench.note });
      await bench.clock.advance(2.5 * minute);
    }
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:10:00Z"]);
    expect(await bench.sent(app)).toHaveLength(2);
  });

  test("ends in two seconds where the database does not take its term back", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    const beat = await app.beat();
    await bench.clock.advance(minute);
    expect(beat.leading).toBe(true);
    const { lease } = await coreOf(app).connect();
    if (lease === undefined) throw new Error("the memory driver keeps schedules");
    const release = vi.spyOn(lease, "release").mockReturnValue(new Promise(() => {}));
    const stopped = beat.stop();
    await bench.clock.advance(2000);
    await stopped;
    expect(release).toHaveBeenCalledOnce();
  });
});

describe("a scheduler inside a worker", () => {
  test("sends what the worker runs, and they end together", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    const worker = await app.work({ pool: "inline", beat: true });
    await bench.clock.advance(6 * minute);
    const [tick] = await app.schedules.history("report");
    expect(await app.result(tick?.id ?? "").get()).toBe(1);
    const stopped = worker.stop();
    await bench.clock.advance(60_000);
    await stopped;
    await worker.closed;
    await bench.clock.advance(5 * minute);
    expect(await app.schedules.history("report")).toHaveLength(1);
  });

  test("that cannot start ends the worker too", async () => {
    await using bench = new BeatBench(start);
    await (await declare(bench.app({ name: "other" })).beat()).stop();
    const app = declare(bench.app());
    await expect(app.work({ pool: "inline", beat: true })).rejects.toMatchObject({ code: "SCHEDULE_TAKEN" });
    const { id } = await app.schedules.run("report");
    await bench.clock.advance(10_000);
    expect((await bench.sent(app)).map((task) => task.id)).toEqual([id]);
  });
});

describe("of many schedulers", () => {
  test("one sends; another takes over at once when it stops", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    const first = await app.beat({ name: "first", onEvent: bench.note });
    await bench.clock.advance(1_000);
    await using second = await app.beat({ name: "second", onEvent: bench.note });
    await bench.clock.advance(10 * minute);
    expect([first.leading, second.leading]).toEqual([true, false]);
    await first.stop();
    await bench.clock.advance(2_000);
    expect([first.leading, second.leading]).toEqual([false, true]);
    await bench.clock.advance(5 * minute);
    expect(bench.events.filter(({ type }) => type === "schedule:sent").map(({ beat }) => beat)).toEqual([
      "first",
      "first",
      "second",
    ]);
  });
});

describe("ticks that were missed", () => {
  async function afterOutage(options: Parameters<App["schedule"]>[3]): Promise<BeatBench> {
    const bench = new BeatBench(start);
    const app = declare(bench.app(), options);
    {
      await using _beat = await app.beat();
      await bench.clock.advance(6 * minute);
    }
    await bench.clock.advance(hour - 2 * minute);
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(2 * minute); // 13:04 to 13:06
    return bench;
  }

  test("once: the last of them is made up for", async () => {
    await using bench = await afterOutage({ misfire: "once" });
    expect(bench.ticks("report")).toEqual(["2026-01-15T13:00:00Z", "2026-01-15T13:05:00Z"]);
  });

  test("once is the default, and a tick that is due anyway makes up for them", async () => {
    await using bench = await afterOutage({ grace: "5m" });
    expect(bench.ticks("report")).toEqual(["2026-01-15T13:00:00Z", "2026-01-15T13:05:00Z"]);
    expect(bench.ticks("report", "schedule:skipped")).toEqual(["2026-01-15T12:55:00Z"]);
  });

  test("skip: none of them", async () => {
    await using bench = await afterOutage({ misfire: "skip" });
    expect(bench.ticks("report")).toEqual(["2026-01-15T13:05:00Z"]);
  });

  test("all: each of them, in order", async () => {
    await using bench = await afterOutage({ misfire: "all" });
    const times = ["12:10", "12:15", "12:20", "12:25", "12:30", "12:35", "12:40", "12:45", "12:50", "12:55"];
    expect(bench.ticks("report")).toEqual([...times, "13:00", "13:05"].map((time) => `2026-01-15T${time}:00Z`));
  });

  test("all: the last `limit` of them, with a warning", async () => {
    await using bench = await afterOutage({ misfire: "all", limit: 3 });
    expect(bench.ticks("report")).toEqual(["12:50", "12:55", "13:00", "13:05"].map((time) => `2026-01-15T${time}:00Z`));
    expect(bench.events.find(({ type }) => type === "beat:warning")).toMatchObject({ code: "SCHEDULE_TOO_LATE" });
  });

  test("are on time within the grace, each of them", async () => {
    await using bench = await afterOutage({ misfire: "skip", grace: "10m" });
    expect(bench.ticks("report")).toEqual(["12:55", "13:00", "13:05"].map((time) => `2026-01-15T${time}:00Z`));
  });

  test("none are those of a pause", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app(), { misfire: "all" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await app.schedules.pause("report");
    await bench.clock.advance(31 * minute);
    await app.schedules.resume("report");
    await bench.clock.advance(5 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:35:00Z"]);
  });
});

describe("when the run before has not ended", () => {
  test("allow: the tick is sent all the same", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(11 * minute);
    expect(bench.ticks("report")).toHaveLength(2);
  });

  test("skip: the tick is used up, also for a scheduler that starts later", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app(), { overlap: "skip" });
    {
      await using _beat = await app.beat({ onEvent: bench.note });
      await bench.clock.advance(11 * minute);
    }
    expect(bench.ticks("report", "schedule:skipped")).toEqual(["2026-01-15T12:10:00Z"]);
    const [first] = await bench.sent(app);
    await bench.finish(app, first?.id ?? "");
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(5 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:15:00Z"]);
  });

  test("queue: one tick waits for its end, however many come", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app(), { overlap: "queue", misfire: "skip" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(21 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z"]);
    expect(bench.ticks("report", "schedule:waiting")).toEqual(["2026-01-15T12:10:00Z"]);
    const [first] = await bench.sent(app);
    await bench.finish(app, first?.id ?? "");
    await bench.clock.advance(2_000);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:20:00Z"]);
    await bench.clock.advance(5 * minute);
    expect(await bench.sent(app)).toHaveLength(1);
  });

  test("a run whose message is gone, looked for twice, and that left no result has ended", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app({ resultTtl: "30d" }), { overlap: "skip" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(6 * minute);
    await app.queues.purge("celery", { ready: true, delayed: false });
    await bench.clock.advance(10 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:15:00Z"]);
  });

  test("a message that lies in its queue runs, however old; until somebody resumes its schedule", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app({ resultTtl: "1m" }), { overlap: "skip" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(3 * hour);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z"]);
    await app.schedules.pause("report");
    await app.schedules.resume("report");
    await bench.clock.advance(5 * minute);
    expect(bench.ticks("report").at(-1)).toBe("2026-01-15T15:05:00Z");
  });

  test("of a task that others run, it counts as running while a result is kept", async () => {
    await using bench = new BeatBench(start);
    const app = bench.app({ resultTtl: "12m" });
    const foreign = app.remote<() => void>("python.report");
    app.schedule("report", cron("*/5 * * * *"), foreign.si(), { overlap: "skip" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(21 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:20:00Z"]);
  });

  test("is a policy that needs results which others can read", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app({ results: "rpc://" }), { overlap: "skip" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(21 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z"]);
    expect(bench.events.find(({ type }) => type === "beat:warning")).toMatchObject({ code: "SCHEDULE_BROKEN" });
  });
});

describe("jitter", () => {
  test("sends later than planned, each tick by its own time, the same for every scheduler", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app(), { jitter: "2m" });
    for (let n = 0; n < 2; n += 1) {
      await using _beat = await app.beat();
      await bench.clock.advance(hour + 1 * minute);
    }
    const late = (await bench.sent(app)).map(({ at }) => at % (5 * minute));
    expect(late).toHaveLength(24);
    expect(new Set(late).size).toBeGreaterThan(20);
    expect(Math.max(...late)).toBeLessThan(2 * minute);
    const history = await app.schedules.history("report", 1_000);
    expect(history.map(({ tick }) => tick.getTime() % (5 * minute))).toEqual(history.map(() => 0));
  });
});

describe("the clock", () => {
  test("set back, fires nothing again", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(11 * minute);
    bench.clock.jump(-8 * minute); // 12:03
    await bench.clock.advance(10 * minute); // 12:13
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:10:00Z"]);
    await bench.clock.advance(3 * minute);
    expect(bench.ticks("report").at(-1)).toBe("2026-01-15T12:15:00Z");
    expect(await bench.sent(app)).toHaveLength(3);
  });

  test("set forward, makes up by the misfire policy", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(6 * minute);
    bench.clock.jump(2 * hour); // 14:06
    await bench.clock.advance(1 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T14:05:00Z"]);
  });

  test("that was a year ahead for a while silences nothing", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    const year = 365 * 24 * hour;
    bench.clock.jump(year);
    {
      await using _beat = await app.beat();
      await bench.clock.advance(6 * minute);
    }
    bench.clock.jump(-year);
    await app.schedules.pause("report");
    await app.schedules.resume("report");
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(5 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:10:00Z"]);
  });

  test("of a night with summer time: one run, and the day goes on", async () => {
    await using bench = new BeatBench("2026-10-24T20:00:00Z");
    const app = bench.app();
    const report = app.task("report", async () => {});
    app.schedule("twice", cron("30 2 * * *", { timezone: "Europe/Paris" }), report.si());
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(30 * hour);
    expect(bench.ticks("twice")).toEqual(["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
  });
});

describe("what cannot be sent", () => {
  test("is told once, and stops no other", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app({ maxMessageBytes: 2_000 }));
    const big = app.task("big", async (_: { text: string }) => {});
    app.schedule("big", every("1m"), big.si({ text: "x".repeat(3_000) }));
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(6 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z"]);
    const warnings = bench.events.filter(({ type }) => type === "beat:warning");
    expect(warnings).toMatchObject([{ code: "SCHEDULE_BROKEN", schedule: "big" }]);
  });

  test("a full queue is tried again", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app({ maxDepth: 1 }), { grace: "10m" });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(12 * minute);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z"]);
    expect(bench.events.filter(({ type }) => type === "beat:warning")).toMatchObject([{ code: "SCHEDULE_REFUSED" }]);
    await app.queues.purge("celery", { ready: true, delayed: false });
    await bench.clock.advance(30_000);
    expect(bench.ticks("report")).toEqual(["2026-01-15T12:05:00Z", "2026-01-15T12:10:00Z"]);
  });

  test("an entry that a stranger wrote into the store", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    const { control } = await coreOf(app).connect();
    await control?.set([{ kind: "schedule", key: "strange", value: '{"format":1,"spec":{"kind":"moon"}}' }]);
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(6 * minute);
    expect(bench.ticks("report")).toHaveLength(1);
    expect(bench.events).toContainEqual(expect.objectContaining({ code: "SCHEDULE_BROKEN", schedule: "strange" }));
    expect((await app.schedules.list()).find(({ name }) => name === "strange")).toMatchObject({ state: "unreadable" });
  });

  test("entries that a stranger changed, whatever they lack", async () => {
    await using bench = new BeatBench(start);
    const app = declare(bench.app());
    const { control } = await coreOf(app).connect();
    const first = await app.beat();
    await bench.clock.advance(1000);
    await first.stop();
    const text = (await control?.changes(0))?.changed.find(({ key }) => key === "report")?.value ?? "";
    const sound = JSON.parse(text) as { readonly policy: object };
    const strange = [
      { ...sound, policy: undefined },
      { ...sound, policy: { ...sound.policy, jitter: "1m" } },
      { ...sound, policy: { ...sound.policy, limit: 1e9 } },
      { ...sound, policy: { ...sound.policy, overlap: "never" } },
      { ...sound, sending: null },
      { ...sound, ids: "none" },
      { ...sound, from: "yesterday" },
      { ...sound, since: 1e300 },
      { ...sound, paused: 1 },
    ];
    await control?.set(
      strange.map((value, index) => ({
        kind: "schedule",
        key: `strange ${String(index)}`,
        value: JSON.stringify(value),
      })),
    );
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(6 * minute);
    expect(bench.ticks("report")).toHaveLength(1);
    const broken = bench.events.filter(({ code }) => code === "SCHEDULE_BROKEN").map(({ schedule }) => schedule);
    expect(new Set(broken)).toEqual(new Set(strange.map((_, index) => `strange ${String(index)}`)));
    const listed = (await app.schedules.list()).filter(({ state }) => state === "unreadable");
    expect(listed).toHaveLength(strange.length);
  });
});
