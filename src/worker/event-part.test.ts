/** What a worker tells of itself and of its tasks, as one who listens hears it. */

import { describe, expect, test } from "vitest";
import { type App, coreOf, createApp } from "../app/app.ts";
import type { WorkOptions } from "../app/work.ts";
import type { CeleryEvent } from "../wire/event.ts";

let made = 0;
const testApp = (): App => createApp({ broker: `memory:event-part-${String(++made)}`, sentEvents: false });
const work: WorkOptions = { pool: "inline", concurrency: 1, name: "w1@test" };

interface Heard extends AsyncDisposable {
  readonly events: CeleryEvent[];
  readonly missed: (number | undefined)[];
  /** All of one task, once its end was told. */
  of(id: string, last?: string): Promise<readonly CeleryEvent[]>;
  until(type: string, times?: number): Promise<CeleryEvent>;
}

async function listen(app: App): Promise<Heard> {
  const events: CeleryEvent[] = [];
  const missed: (number | undefined)[] = [];
  const waiting = new Set<() => void>();
  const listening = await app.events((batch) => {
    events.push(...batch.events);
    missed.push(batch.missed);
    for (const look of waiting) look();
  });
  const when = <T>(found: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = (): void => {
        const value = found();
        if (value === undefined) return;
        waiting.delete(look);
        resolve(value);
      };
      waiting.add(look);
      look();
    });
  const ended = /^task-(succeeded|failed|revoked|rejected)$/;
  return {
    events,
    missed,
    of: (id, last) =>
      when(() => {
        const mine = events.filter(({ uuid }) => uuid === id);
        return mine.some(({ type }) => (last === undefined ? ended.test(type) : type === last)) ? mine : undefined;
      }),
    until: (type, times = 1) => when(() => events.filter((event) => event.type === type)[times - 1]),
    [Symbol.asyncDispose]: () => listening.close(),
  };
}
const types = (events: readonly CeleryEvent[]): readonly string[] => events.map(({ type }) => type);

describe("a task's events", () => {
  test("received, started, succeeded, with what Celery tells and more", async () => {
    await using app = testApp();
    const add = app.task("add", ({ x, y }: { x: number; y: number }) => ({ sum: x + y }));
    await using heard = await listen(app);
    await using _worker = await app.work(work);
    const sent = await add.delay({ x: 1, y: 2 });
    const events = await heard.of(sent.id);
    expect(types(events)).toEqual(["task-received", "task-started", "task-succeeded"]);
    const [received, started, succeeded] = events;
    const common = {
      hostname: "w1@test",
      pid: process.pid,
      utcoffset: Math.floor(new Date().getTimezoneOffset() / 60),
    };
    expect(received).toMatchObject({
      ...common,
      name: "add",
      args: "()",
      kwargs: "{'x': 1, 'y': 2}",
      root_id: sent.id,
      parent_id: null,
      retries: 0,
      eta: null,
      expires: null,
      queue: "celery",
      attempt: 1,
    });
    expect(started).toMatchObject({ ...common, uuid: sent.id, attempt: 1 });
    expect(succeeded).toMatchObject({ ...common, result: "{'sum': 3}" });
    expect(succeeded?.["runtime"]).toBeTypeOf("number");
    const clocks = events.map(({ clock }) => clock);
    expect(clocks).toEqual(clocks.toSorted((a, b) => a - b));
    expect(new Set(clocks).size).toBe(3);
    expect(Math.abs((received?.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  });

  test("failed, with Python's form of the error and the stack", async () => {
    await using app = testApp();
    const boom = app.task("boom", () => {
      throw new TypeError("it's wrong");
    });
    await using heard = await listen(app);
    await using _worker = await app.work(work);
    const failed = (await heard.of((await boom.delay()).id)).at(-1);
    expect(failed).toMatchObject({ type: "task-failed", exception: `TypeError("it's wrong")` });
    expect(String(failed?.["traceback"])).toContain("TypeError: it's wrong");
  });

  test("retried, and dead in the end", async () => {
    await using app = testApp();
    const again = app.task("again", { retry: { limit: 1, delay: 1 } }, () => {
      throw new Error("not yet");
    });
    await using heard = await listen(app);
    await using _worker = await app.work(work);
    const { id } = await again.delay();
    const events = await heard.of(id, "celeriac-dead");
    expect(types(events)).toEqual([
      "task-received",
      "task-started",
      "task-retried",
      "task-received",
      "task-started",
      "task-failed",
      "celeriac-dead",
    ]);
    expect(events[2]).toMatchObject({ exception: "Error('not yet')", attempt: 1 });
    expect(events[3]).toMatchObject({ retries: 1, attempt: 2 });
    expect(events[6]).toMatchObject({ reason: "exhausted" });
  });

  test("rejected, for good or back to the queue", async () => {
    await using app = testApp();
    const refuse = app.task("refuse", (_: null, ctx) => ctx.reject({ reason: "no" }));
    await using heard = await listen(app);
    await using _worker = await app.work(work);
    const events = await heard.of((await refuse.delay(null)).id, "celeriac-dead");
    expect(types(events).slice(2)).toEqual(["task-rejected", "celeriac-dead"]);
    expect(events[2]).toMatchObject({ requeue: false });

    let refused = false;
    const once = app.task("once", (_: null, ctx) =>
      refused ? "done" : ((refused = true), ctx.reject({ requeue: true })),
    );
    const { id } = await once.delay(null);
    const both = await heard.of(id, "task-succeeded");
    // It may have come back before its rejection is told.
    expect(types(both).toSorted()).toEqual([
      "task-received",
      "task-received",
      "task-rejected",
      "task-started",
      "task-started",
      "task-succeeded",
    ]);
    expect(both.find(({ type }) => type === "task-rejected")).toMatchObject({ requeue: true });
  });

  test("given back when its worker stops", async () => {
    await using app = testApp();
    const begun = Promise.withResolvers<void>();
    const hold = app.task("hold", async (_: null, ctx) => {
      begun.resolve();
      await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(new Error("told to stop"))));
    });
    await using heard = await listen(app);
    const worker = await app.work(work);
    const { id } = await hold.delay(null);
    await begun.promise;
    await worker.stop({ cold: true });
    const events = await heard.of(id, "celeriac-returned");
    expect(types(events)).toEqual(["task-received", "task-started", "celeriac-returned"]);
    expect(events[2]).toMatchObject({ why: "shutdown", name: "hold", attempt: 1 });
  });

  test("failed, when nobody can read or run it", async () => {
    await using app = testApp();
    app.task("any", () => 1);
    const { id } = await app.remote("nobody.knows").delay();
    await using heard = await listen(app);
    await using _worker = await app.work({ ...work, unknownTaskGrace: "0s" });
    const events = await heard.of(id, "celeriac-dead");
    expect(types(events)).toEqual(["task-received", "task-failed", "celeriac-dead"]);
    expect(events[1]).toMatchObject({ name: "nobody.knows", exception: "NotRegistered('nobody.knows')" });
    expect(events[2]).toMatchObject({ reason: "unknown-task" });
  });

  test("revoked, when it came too late", async () => {
    await using app = testApp();
    const late = app.task("late", (n: number) => n);
    const { id } = await late.enqueue(1, { expires: new Date(Date.now() - 1000) });
    await using heard = await listen(app);
    await using _worker = await app.work(work);
    const events = await heard.of(id);
    expect(types(events)).toEqual(["task-received", "task-revoked"]);
    expect(events[1]).toMatchObject({ expired: true, terminated: false, signum: null, name: "late" });
  });

  test("progress, log lines and what nobody here knows, in own words", async () => {
    await using app = testApp();
    const long = app.task("long", (_: null, ctx) => {
      ctx.progress(1, 4, "half of it");
      ctx.log.warn("slow", { by: 3 });
    });
    await using heard = await listen(app);
    await using _worker = await app.work(work);
    const { id } = await long.delay(null);
    await heard.of(id);
    const own = (await heard.of(id, "celeriac-log")).filter(({ type }) => type.startsWith("celeriac-"));
    expect(own).toMatchObject([
      { type: "celeriac-progress", done: 1, total: 4, note: "half of it" },
      { type: "celeriac-log", level: "warn", text: "slow", fields: { by: 3 } },
    ]);
  });
});

describe("a worker's events", () => {
  test("it comes, beats, and goes", async () => {
    await using app = testApp();
    app.task("any", () => 1);
    await using heard = await listen(app);
    const worker = await app.work(work);
    const online = await heard.until("worker-online");
    expect(online).toMatchObject({
      freq: 2,
      active: 0,
      processed: 0,
      sw_ident: "celeriac",
      hostname: "w1@test",
      queues: ["celery"],
    });
    expect(online["loadavg"]).toHaveLength(3);
    await worker.stop();
    await heard.until("worker-offline");
    expect(types(heard.events).at(-1)).toBe("worker-offline");
  });
});

describe("events are told", () => {
  const any = async (app: App, options: WorkOptions): Promise<readonly string[]> => {
    const task = app.task("any", () => 1);
    const { bus } = await coreOf(app).connect();
    const published: string[] = [];
    const publish = bus.publish.bind(bus);
    bus.publish = (channel, message) => {
      if (channel.kind === "event") published.push(channel.type);
      return publish(channel, message);
    };
    const worker = await app.work({ ...work, ...options });
    await (await task.delay()).get({ timeout: "60s" });
    await worker.stop();
    return published;
  };

  test("by default only while somebody listens", async () => {
    await using app = testApp();
    expect(await any(app, {})).toEqual(["worker.online", "worker.offline"]);
    await using other = testApp();
    await using _heard = await listen(other);
    expect(await any(other, {})).toContain("task.multi");
  });
  test("always, if that is wanted", async () => {
    await using app = testApp();
    expect(await any(app, { events: true })).toContain("task.multi");
  });
  test("of tasks never, if that is wanted", async () => {
    await using app = testApp();
    await using _heard = await listen(app);
    expect(await any(app, { events: false })).not.toContain("task.multi");
  });
  test("and nothing else is an option", async () => {
    await using app = testApp();
    app.task("any", () => 1);
    await expect(app.work({ ...work, events: "yes" as "auto" })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
