/** Entries of the code and entries of people: what a start of a scheduler does to them, and what `app.schedules` shows and changes. */

import { describe, expect, test } from "vitest";
import type { App } from "../app/app.ts";
import { chain } from "../canvas/chain.ts";
import { chord } from "../canvas/chord.ts";
import { group } from "../canvas/group.ts";
import { cron } from "./cron.ts";
import { every } from "./every.ts";
import { BeatBench } from "./fixtures/beat-bench.ts";

const minute = 60_000;
const start = "2026-01-15T12:00:00Z";

/** One version of an app: each has its own declarations. */
function version(
  bench: BeatBench,
  declare: (app: App, report: ReturnType<typeof reportOf>) => void,
  name = "shop",
): App {
  const app = bench.app({ name });
  declare(app, reportOf(app));
  return app;
}
const reportOf = (app: App) => app.task("report", async (day: { back: number }) => day.back);
const names = async (app: App): Promise<readonly string[]> => (await app.schedules.list()).map(({ name }) => name);

describe("entries of the code", () => {
  test("are added, updated and removed when a scheduler starts", async () => {
    await using bench = new BeatBench(start);
    const old = version(bench, (app, report) => {
      app.schedule("kept", every("1h"), report.si({ back: 1 }));
      app.schedule("changed", every("1h"), report.si({ back: 1 }));
      app.schedule("gone", every("1h"), report.si({ back: 1 }));
    });
    await old.schedules.add("by hand", every("1h"), reportOf(bench.app({ name: "person" })).si({ back: 9 }));
    await (await old.beat()).stop();
    const before = await old.schedules.list();
    await bench.clock.advance(10 * minute);
    const fresh = version(bench, (app, report) => {
      app.schedule("kept", every("1h"), report.si({ back: 1 }));
      app.schedule("changed", every("2h"), report.si({ back: 1 }));
      app.schedule("new", every("1h"), report.si({ back: 1 }));
    });
    const beat = await fresh.beat({ onEvent: bench.note });
    await beat.stop();
    expect(bench.events[0]).toMatchObject({
      type: "beat:ready",
      detail: { added: ["new"], updated: ["changed"], removed: ["gone"] },
    });
    const after = await fresh.schedules.list();
    expect(after.map(({ name, schedule }) => [name, schedule])).toEqual([
      ["by hand", "every 1h"],
      ["changed", "every 2h"],
      ["kept", "every 1h"],
      ["new", "every 1h"],
    ]);
    expect(after.find(({ name }) => name === "kept")).toEqual(before.find(({ name }) => name === "kept"));
    // Another interval begins anew; from the moment when it was changed.
    expect(after[1]?.next).toEqual(new Date("2026-01-15T14:10:00Z"));
  });

  test("keep a pause that a person made, and follow the code in one that it declares", async () => {
    await using bench = new BeatBench(start);
    const declare = (paused: boolean, back: number): App =>
      version(bench, (app, report) => {
        app.schedule("by hand", every("1h"), report.si({ back }));
        app.schedule("by code", every("1h"), report.si({ back }), { paused });
      });
    const old = declare(true, 1);
    await (await old.beat()).stop();
    await old.schedules.pause("by hand");
    const states = async (): Promise<readonly string[]> => (await old.schedules.list()).map(({ state }) => state);
    expect(await states()).toEqual(["paused", "paused"]);
    await (await declare(false, 2).beat()).stop();
    expect(await states()).toEqual(["active", "paused"]);
  });

  test("of two versions that run side by side: the last that started wins, and neither looks again", async () => {
    await using bench = new BeatBench(start);
    const declare = (back: number): App =>
      version(bench, (app, report) => app.schedule("report", cron("* * * * *"), report.si({ back })));
    const [old, fresh] = [declare(1), declare(2)];
    await using _old = await old.beat({ onEvent: bench.note });
    await bench.clock.advance(1 * minute);
    await using _fresh = await fresh.beat();
    const { updated } = (await old.schedules.list())[0] ?? {};
    await bench.clock.advance(3 * minute);
    expect((await old.schedules.list())[0]?.updated).toEqual(updated);
    // The old one leads, and sends what the new one declares.
    expect(bench.ticks("report")).toHaveLength(4);
  });

  test.each([
    [
      "a person",
      async (bench: BeatBench) => {
        const app = bench.app({ name: "shop" });
        await app.schedules.add("report", every("1h"), reportOf(app).si({ back: 1 }));
      },
    ],
    [
      "another app",
      async (bench: BeatBench) => {
        const app = version(
          bench,
          (other, report) => other.schedule("report", every("1h"), report.si({ back: 1 })),
          "mail",
        );
        await (await app.beat()).stop();
      },
    ],
  ])("do not take the name that %s has", async (_, occupy) => {
    await using bench = new BeatBench(start);
    await occupy(bench);
    const app = version(bench, (mine, report) => {
      mine.schedule("first", every("1h"), report.si({ back: 1 }));
      mine.schedule("report", every("1h"), report.si({ back: 1 }));
    });
    await expect(app.beat()).rejects.toMatchObject({ code: "SCHEDULE_TAKEN" });
    expect((await app.schedules.list()).filter(({ state }) => state !== "declared")).toHaveLength(1);
  });
});

describe("entries of people", () => {
  test("are sent, changed and removed while a scheduler runs", async () => {
    await using bench = new BeatBench(start);
    const app = bench.app();
    const report = reportOf(app);
    await using _beat = await app.beat({ onEvent: bench.note });
    await app.schedules.add("mine", cron("* * * * *"), report.si({ back: 1 }), { queue: "slow", expires: "1h" });
    await expect(app.schedules.add("mine", every("1m"), report.si({ back: 1 }))).rejects.toMatchObject({
      code: "SCHEDULE_TAKEN",
    });
    await bench.clock.advance(2 * minute);
    expect(await bench.sent(app, "slow")).toHaveLength(2);
    await app.schedules.change("mine", { schedule: every("10s"), queue: "fast" });
    await bench.clock.advance(30_000);
    expect(await bench.sent(app, "fast")).toHaveLength(3);
    await app.schedules.remove("mine");
    await bench.clock.advance(minute);
    expect(await bench.sent(app, "fast")).toHaveLength(3);
    expect(await names(app)).toEqual([]);
    await app.schedules.add("mine", cron("* * * * *"), report.si({ back: 1 }));
    expect(await app.schedules.history("mine")).toEqual([]);
  });

  test("run now, and their ticks stay as they are", async () => {
    await using bench = new BeatBench(start);
    const app = bench.app();
    await app.schedules.add("mine", cron("* * * * *"), reportOf(app).si({ back: 1 }), { paused: true });
    const sent = await app.schedules.run("mine");
    expect((await bench.sent(app)).map(({ id }) => id)).toEqual([sent.id]);
    expect(await app.schedules.history("mine")).toEqual([]);
    expect((await app.schedules.list())[0]).toMatchObject({ state: "paused", last: undefined });
  });

  test("of a name that is none, or that code declares, are not changed", async () => {
    await using bench = new BeatBench(start);
    const app = version(bench, (mine, report) => mine.schedule("code", every("1h"), report.si({ back: 1 })));
    await (await app.beat()).stop();
    await expect(app.schedules.change("code", { queue: "slow" })).rejects.toMatchObject({ code: "SCHEDULE_IN_CODE" });
    for (const verb of ["pause", "resume", "remove", "run", "next", "history"] as const)
      await expect(app.schedules[verb]("none")).rejects.toMatchObject({ code: "SCHEDULE_UNKNOWN" });
    await expect(app.schedules.change("none", {})).rejects.toMatchObject({ code: "SCHEDULE_UNKNOWN" });
  });

  test("are changed by two at once without loss", async () => {
    await using bench = new BeatBench(start);
    const app = bench.app();
    await app.schedules.add("mine", every("1h"), reportOf(app).si({ back: 1 }));
    await Promise.all([
      app.schedules.change("mine", { queue: "slow" }),
      app.schedules.change("mine", { jitter: "10s" }),
      app.schedules.pause("mine"),
    ]);
    expect((await app.schedules.list())[0]).toMatchObject({
      queue: "slow",
      policy: { jitter: 10_000 },
      state: "paused",
    });
  });
});

describe("two brokers whose schedules lie in one database", () => {
  test("have schedulers, names and ticks of their own", async () => {
    await using bench = new BeatBench(start);
    const [schedules, stem] = [`memory:${crypto.randomUUID()}`, crypto.randomUUID()];
    const apps = ["a", "b"].map((each) => {
      const app = bench.app({ broker: `memory:${each}-${stem}`, schedules });
      app.schedule("report", cron("* * * * *"), reportOf(app).si({ back: 1 }));
      return app;
    });
    const beats = await Promise.all(apps.map((app) => app.beat()));
    await bench.clock.advance(2 * minute);
    expect(beats.map(({ leading }) => leading)).toEqual([true, true]);
    for (const app of apps) {
      const sent = await bench.sent(app);
      expect(sent).toHaveLength(2);
      expect((await app.schedules.history("report")).map(({ id }) => id)).toEqual(
        sent.toReversed().map(({ id }) => id),
      );
      expect(await names(app)).toEqual(["report"]);
    }
  });
});

describe("workflows", () => {
  test("are sent as one tick, each part under an id of the tick", async () => {
    await using bench = new BeatBench(start);
    const app = version(bench, (mine, report) => {
      mine.schedule("chain", cron("* * * * *"), chain(report.si({ back: 1 }), report.si({ back: 2 })));
      mine.schedule("group", cron("* * * * *"), group([report.si({ back: 1 }), report.si({ back: 2 })]));
      mine.schedule(
        "chord",
        cron("* * * * *"),
        chord(group([report.si({ back: 1 }), report.si({ back: 2 })]), report.si({ back: 3 })),
      );
    });
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(1 * minute);
    expect(await bench.sent(app)).toHaveLength(5);
    const worker = await app.work({ pool: "inline" });
    const [tick] = await app.schedules.history("chord");
    expect(tick?.tick).toEqual(new Date("2026-01-15T12:01:00Z"));
    const body = bench.events.find(({ type, schedule }) => type === "schedule:sent" && schedule === "chord")?.id ?? "";
    const result = app.result(body).get();
    await bench.clock.advance(10_000);
    expect(await result).toBe(3);
    await worker.stop({ cold: true });
  });

  test("count as running until their end, or until a step of theirs failed", async () => {
    await using bench = new BeatBench(start);
    const app = version(bench, (mine, report) =>
      mine.schedule("chain", cron("* * * * *"), chain(report.si({ back: 1 }), report.si({ back: 2 })), {
        overlap: "skip",
      }),
    );
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(1 * minute);
    const [first] = await bench.sent(app);
    await bench.finish(app, first?.id ?? "");
    await bench.clock.advance(1 * minute);
    expect(bench.ticks("chain", "schedule:skipped")).toEqual(["2026-01-15T12:02:00Z"]);
    await bench.finish(app, bench.events.find(({ type }) => type === "schedule:sent")?.id ?? "");
    await bench.clock.advance(1 * minute);
    expect(bench.ticks("chain")).toEqual(["2026-01-15T12:01:00Z", "2026-01-15T12:03:00Z"]);
    const [second] = await bench.sent(app);
    await bench.finish(app, second?.id ?? "", "FAILURE");
    await bench.clock.advance(1 * minute);
    expect(bench.ticks("chain").at(-1)).toBe("2026-01-15T12:04:00Z");
  });

  test("of more messages than one step takes are sent whole, once", async () => {
    await using bench = new BeatBench(start);
    const app = version(bench, (mine, report) =>
      mine.schedule("many", cron("* * * * *"), group(Array.from({ length: 1_200 }, (_, back) => report.si({ back })))),
    );
    await using _beat = await app.beat({ onEvent: bench.note });
    await bench.clock.advance(1 * minute);
    expect(new Set((await bench.sent(app)).map(({ id }) => id)).size).toBe(1_200);
    expect(await bench.sent(app)).toHaveLength(1_200);
  });
});

describe("declarations", () => {
  const app = new BeatBench().app();
  const report = reportOf(app);
  app.schedule("taken", every("1h"), report.si({ back: 1 }));

  test.each([
    ["SCHEDULE_DUPLICATE", () => app.schedule("taken", every("1h"), report.si({ back: 1 }))],
    ["NAME_INVALID", () => app.schedule(" ", every("1h"), report.si({ back: 1 }))],
    ["SCHEDULE_INVALID", () => app.schedule("a", "0 3 * * *" as never, report.si({ back: 1 }))],
    ["CONFIG_INVALID", () => app.schedule("b", every("1h"), report as never)],
    ["CONFIG_INVALID", () => app.schedule("c", every("1h"), report.si({ back: 1 }), { misfires: "all" } as never)],
    ["CONFIG_INVALID", () => app.schedule("d", every("1h"), report.si({ back: 1 }), { misfire: "never" } as never)],
    ["CONFIG_INVALID", () => app.schedule("e", every("1h"), report.si({ back: 1 }), { limit: 0 })],
    ["CONFIG_INVALID", () => app.schedule("f", every("1h"), report.si({ back: 1 }), { priority: 300 })],
    ["CONFIG_INVALID", () => app.schedule("g", every("1h"), report.si({ back: 1 }).set({ id: "always" }))],
    [
      "CONFIG_INVALID",
      () => app.schedule("h", every("1h"), report.si({ back: 1 }), { overlap: "skip", ignoreResult: true }),
    ],
    ["DURATION_INVALID", () => app.schedule("i", every("1h"), report.si({ back: 1 }), { grace: "soon" as never })],
    ["NAME_INVALID", () => app.schedule("j", every("1h"), report.si({ back: 1 }), { queue: "a b" })],
    ["NOT_SERIALIZABLE", () => app.schedule("k", every("1h"), report.si({ back: Number.NaN }))],
  ])("%s for %s", (code, declare) => {
    expect(declare).toThrow(expect.objectContaining({ code }));
  });
});
