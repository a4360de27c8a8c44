/** The testing kit, as its users use it. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, chain, chord, createApp, cron, group, RemoteError, TaskFailedError } from "../index.ts";
import { type TestApp, testApp } from "./index.ts";

const minute = 60_000;
/** Nothing of it is ever opened. */
const app: App = createApp({ name: "shop", broker: "redis://127.0.0.1:1/0" });
const seen: string[] = [];
const greet = app.task("greet", { queue: "mail" }, (who: { name: string; at?: Date }) => {
  seen.push(who.name);
  return `hello ${who.name}`;
});
const total = app.task("total", (items: readonly number[]) => items.reduce((sum, each) => sum + each, 0));
const double = app.task("double", (value: number) => 2 * value);
const flaky = app.task("flaky", { retry: { limit: 2, delay: "10m" } }, (_: unknown, ctx) => {
  if (ctx.attempt < 3) throw new Error(`try ${String(ctx.attempt)}`);
  return ctx.attempt;
});
const pages = app.task("pages", async (count: number, ctx) => {
  for (let page = 0; page < count; page++)
    await ctx.checkpoint(`page-${String(page)}`, () => void seen.push(`page ${String(page)}`));
  return count;
});
const score = app.remote<(text: string, top: number) => number>("ml.score", { queue: "ml" });
app.schedule("nightly", cron("0 3 * * *"), greet.si({ name: "night" }));

let test: TestApp;
beforeEach(() => {
  seen.length = 0;
  test = testApp(app);
});
afterEach(() => test.close());

describe("testApp", () => {
  it("lists what was enqueued, and runs nothing before it is told to", async () => {
    await greet.delay({ name: "Ada", at: new Date(5) });
    const sent = await greet.enqueue({ name: "Bob" }, { delay: "1h", headers: { tenant: "t1" } });
    expect(test.enqueued(greet)).toEqual([{ name: "Ada", at: new Date(5) }, { name: "Bob" }]);
    expect(test.calls(greet)[1]).toMatchObject({
      id: sent.id,
      queue: "mail",
      due: new Date(test.clock.now() + 60 * minute),
      headers: { tenant: "t1" },
    });
    expect(seen).toEqual([]);
    expect(await test.drain()).toEqual([
      { task: "greet", id: test.calls()[0]?.id, state: "SUCCESS", error: undefined },
    ]);
    expect(seen).toEqual(["Ada"]);
    await test.advance("59m");
    expect(seen).toEqual(["Ada"]);
    await test.advance("1m");
    expect(seen).toEqual(["Ada", "Bob"]);
    expect(await sent.get()).toBe("hello Bob");
  });

  it("lets three days pass in a moment, with schedules at their own times", async () => {
    const [, first, second] = [await test.advance("3d"), ...test.calls(greet)];
    expect(test.enqueued(greet)).toHaveLength(3);
    expect([first?.sentAt, second?.sentAt]).toEqual([
      new Date("2026-01-16T03:00:00Z"),
      new Date("2026-01-17T03:00:00Z"),
    ]);
    expect(seen).toEqual(["night", "night", "night"]);
  });

  it("runs a task to its end, over its retries", async () => {
    const before = test.clock.now();
    expect(await test.run(flaky, null)).toBe(3);
    expect(test.clock.now() - before).toBeGreaterThanOrEqual(20 * minute);
    expect(await test.run(total, [1, 2, 3])).toBe(6);
    expect(await test.run(chain(double.si(2), double.s()))).toBe(8);
    expect(await test.run(chord(group([double.si(1), double.si(2)]), total.s()))).toBe(6);
  });

  it("has fakes for what others run", async () => {
    const fake = test.fake(score, (text, top) => text.length * top);
    expect(await test.run(score, "abc", 2)).toBe(6);
    expect(fake.calls).toEqual([["abc", 2]]);
    expect(test.enqueued(score)).toEqual([["abc", 2]]);
    test.fake(score, () => {
      throw new RemoteError("ml.errors.BadText", ["too short"]);
    });
    const failed = await test.run(score, "", 1).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(TaskFailedError);
    expect(failed).toMatchObject({ type: "BadText", module: "ml.errors", args: ["too short"] });
  });

  it("says which fake is missing", async () => {
    await score.delay("abc", 1);
    await expect(test.drain()).rejects.toMatchObject({ code: "TEST_FAKE_MISSING", details: { task: "ml.score" } });
    await expect(test.run(app.signature("nobody.knows"))).rejects.toMatchObject({ code: "TEST_FAKE_MISSING" });
  });

  it("can stand in for one's own handler", async () => {
    const fake = test.fake(greet, async ({ name }) => `bye ${name}`);
    expect(await test.run(greet, { name: "Ada" })).toBe("bye Ada");
    expect(fake.calls).toEqual([{ name: "Ada" }]);
    expect(seen).toEqual([]);
  });

  it("lets a worker die after a checkpoint; another goes on from there after the lease", async () => {
    const crash = test.crashWorkerAfter("page-1");
    const sent = await pages.delay(3);
    await test.drain();
    expect([seen, crash.happened, await sent.state()]).toEqual([["page 0", "page 1"], 1, "PENDING"]);
    await test.advance("25s");
    expect(seen).toHaveLength(2);
    await test.advance("15s");
    expect(await sent.get()).toBe(3);
    expect(seen).toEqual(["page 0", "page 1", "page 2"]);
  });

  it.each([
    ["claim", 1],
    ["run", 2],
    ["settlement", 1],
  ] as const)("lets a worker die after its %s: the handler has run %i times in the end", async (step, runs) => {
    const crash = test.crashWorkerAfter({ step }, { task: greet });
    expect(await test.run(greet, { name: "Ada" })).toBe("hello Ada");
    await test.advance("2m");
    expect([seen.length, crash.happened]).toEqual([runs, 1]);
  });

  it("lets workers die until the task's budget is used up", async () => {
    const crash = test.crashWorkerAfter({ step: "run" }, { times: 4 });
    const failed = await test.run(greet, { name: "poison" }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ dead: true });
    expect(crash.happened).toBe(4);
  });
});
