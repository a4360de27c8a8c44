/** What an app under test is kept from, and what a test is told that asks for what cannot be. */

import { describe, expect, it, vi } from "vitest";
import { type App, chord, createApp, group } from "../index.ts";
import { testApp } from "./index.ts";

const make = (broker: string = "redis://127.0.0.1:1/0"): App => createApp({ name: "shop", broker });

describe("an app under test", () => {
  it("is put under test once at a time, and before it has opened its own broker", async () => {
    const app = make("memory:");
    const add = app.task("add", (value: number) => value + 1);
    const test = testApp(app);
    expect(() => testApp(app)).toThrow(expect.objectContaining({ code: "TEST_APP_IN_USE" }));
    await test.close();
    await add.delay(1);
    expect(() => testApp(app)).toThrow(expect.objectContaining({ code: "TEST_APP_IN_USE" }));
    await app.close();
    expect(() => testApp(app)).toThrow(expect.objectContaining({ code: "BACKEND_CLOSED" }));
  });

  it("is as before after the test, and nothing of one test is there in the next", async () => {
    const app = make();
    const add = app.task("add", (value: number) => value + 1);
    const first = testApp(app);
    await add.delay(1);
    await app.close(); // that of the test
    expect(await first.drain()).toMatchObject([{ task: "add", state: "SUCCESS" }]); // a worker is another process
    await first.close();
    await first.close();
    await expect(first.advance("1s")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    await using second = testApp(app);
    expect(second.enqueued(add)).toEqual([]);
    expect(await second.run(add, 2)).toBe(3);
  });

  it("encodes as for any broker, with the app's keys and packing", async () => {
    const app = createApp({
      broker: "redis://127.0.0.1:1/0",
      compression: "zlib",
      compressOver: 10,
      signing: { keys: { one: "k".repeat(40) }, use: "one" },
    });
    const when = app.task("when", (input: { at: Date; text: string }) => input.at.getTime() + input.text.length);
    await using test = testApp(app);
    const text = "x".repeat(2000);
    expect(await test.run(when, { at: new Date(5), text })).toBe(2005);
    expect(test.enqueued(when)).toEqual([{ at: new Date(5), text }]);
    await expect(when.delay({ at: (() => 1) as never, text: "" })).rejects.toMatchObject({ code: "NOT_SERIALIZABLE" });
  });

  it("waits for what handlers really do, also beside a runner's own fake date", async () => {
    const app = make();
    const slow = app.task("slow", () => new Promise((resolve) => void setTimeout(() => resolve("done"), 30)));
    await using test = testApp(app);
    expect(await test.run(slow)).toBe("done");
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const quick = app.task("quick", () => Date.now());
      expect(await test.run(quick)).toBe(Date.now());
    } finally {
      vi.useRealTimers();
    }
  });

  it("does not wait for a handler that waits for the clock, and ends one that outlasts its limit", async () => {
    const app = make();
    const double = app.task("double", (value: number) => 2 * value);
    const asks = app.task("asks", async () => (await double.enqueue(4, { delay: "5m" })).get({ timeout: "9m" }));
    const hangs = app.task("hangs", { timeLimit: "1m" }, () => new Promise(() => {}));
    await using test = testApp(app, { patience: "50ms" });
    expect(await test.run(asks)).toBe(8);
    await hangs.delay();
    expect(await test.drain()).toEqual([]);
    expect(await test.advance("2m")).toMatchObject([{ task: "hangs", state: "FAILURE" }]);
  });

  it("runs at once with autorun", async () => {
    const app = make();
    const double = app.task("double", (value: number) => 2 * value);
    await using _test = testApp(app, { autorun: true });
    expect(await (await double.delay(4)).get()).toBe(8);
  });

  it("ends a chord whose worker died after it had settled the last member", async () => {
    const app = make();
    const double = app.task("double", (value: number) => 2 * value);
    const total = app.task("total", (items: readonly number[]) => items.reduce((sum, each) => sum + each, 0));
    await using test = testApp(app);
    test.crashWorkerAfter({ step: "settlement" }, { task: double, times: 1 });
    expect(await test.run(chord(group([double.si(1), double.si(2)]), total.s()))).toBe(6);
  });
});

describe("a test that asks for what cannot be", () => {
  it("hears of a crash that no worker came to", async () => {
    const app = make();
    const test = testApp(app);
    test.crashWorkerAfter("page-7");
    await expect(test.close()).rejects.toMatchObject({
      code: "TEST_CRASH_UNREACHED",
      message: expect.stringContaining('checkpoint "page-7"') as string,
    });
    await using _again = testApp(app); // it was given back all the same
  });

  it("hears of a task that no waiting ends", async () => {
    const app = make();
    const hangs = app.task("hangs", () => new Promise(() => {}));
    const rest = app.task("rest", { queue: "resting" }, () => 1);
    await using test = testApp(app, { patience: "20ms" });
    await expect(test.run(hangs)).rejects.toMatchObject({ code: "TEST_STUCK" });
    await app.queues.pause("resting");
    await expect(test.run(rest)).rejects.toMatchObject({ code: "TEST_STUCK" });
  });

  it("cannot drive itself from a handler, and has no options but its own", async () => {
    const app = make();
    const loops = app.task("loops", async () => void (await test.drain()));
    expect(() => testApp(app, { clocks: 1 } as never)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    const test = testApp(app);
    const failed = await test.run(loops).catch((error: unknown) => error);
    expect(String(failed)).toMatch(/cannot drive the test/);
    await test.close();
  });

  it("hears of an app without tasks", async () => {
    await using test = testApp(make());
    await expect(test.drain()).rejects.toMatchObject({ code: "NO_TASKS" });
  });
});
