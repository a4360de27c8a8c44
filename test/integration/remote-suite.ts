/** Remote control of a worker that works, whatever the broker: one suite, asked over the bus as Celery's clients ask. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { ask } from "../../src/control/ask.ts";
import {
  type App,
  createApp,
  systemClock,
  type WorkerEvent,
  type WorkerHandle,
  type WorkOptions,
} from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

const never = new AbortController().signal;
const node = "w1@suite";

export function remoteSuite(name: string, makeBroker: () => Promise<SuiteBroker>, lasting = true): void {
  describe(`remote control on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;
    let worker: WorkerHandle;
    let events: WorkerEvent[];
    let gates: Map<string, PromiseWithResolvers<void>>;

    beforeEach(async () => {
      broker = await makeBroker();
      events = [];
      gates = new Map();
      app = createApp({
        name: "remote",
        broker: broker.url,
        ...(broker.results !== undefined && { results: broker.results }),
      });
    });
    afterEach(async () => {
      for (const gate of gates.values()) gate.resolve();
      await app.close();
      await broker.close();
    });

    const gate = (key: string): PromiseWithResolvers<void> => {
      const made = gates.get(key) ?? Promise.withResolvers();
      gates.set(key, made);
      return made;
    };
    const tasks = () => ({
      add: app.task("m.add", ({ x, y }: { x: number; y: number }) => x + y),
      hold: app.task("m.hold", { queue: "celery" }, async ({ key }: { key: string }) => {
        await gate(key).promise;
        return key;
      }),
      slow: app.task("m.slow", async (_: { n: number }, ctx) => {
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve, { once: true }));
        return (ctx.signal.reason as { code: string }).code;
      }),
    });
    const work = async (options: WorkOptions = {}): Promise<void> => {
      worker = await app.work({
        name: node,
        pool: "inline",
        concurrency: 2,
        lease: "60s",
        sweep: "100ms",
        grace: "1s",
        onEvent: (event) => events.push(event),
        ...options,
      });
    };
    const tell = async (method: string, named: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
      const { bus } = await coreOf(app).connect();
      const question = { method, arguments: named, destination: [node], timeout: 60_000 };
      return (await ask(bus, question, systemClock, never)).get(node);
    };
    /** To everyone, so that what it sets is set for all. */
    const tellAll = async (method: string, named: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
      const { bus } = await coreOf(app).connect();
      return (await ask(bus, { method, arguments: named, timeout: 60_000, limit: 1 }, systemClock, never)).get(node);
    };
    const started = async (count: number): Promise<void> => {
      await expect
        .poll(() => events.filter(({ type }) => type === "task:started").length, { timeout: 60_000, interval: 10 })
        .toBe(count);
    };

    it("tells what runs, what waits, and what it is", async () => {
      const { hold } = tasks();
      await work({ concurrency: 1 });
      const first = await hold.enqueue({ key: "one" }, { priority: 3 });
      await started(1);
      expect(await tell("active")).toMatchObject([
        {
          id: first.id,
          name: "m.hold",
          type: "m.hold",
          args: [],
          kwargs: { key: "one" },
          hostname: node,
          time_start: expect.any(Number),
          acknowledged: expect.any(Boolean),
          delivery_info: { exchange: "", routing_key: "celery", redelivered: false },
        },
      ]);
      expect(await tell("active", { safe: true })).toMatchObject([{ args: "()", kwargs: "{'key': 'one'}" }]);
      expect(await tell("query_task", { ids: [first.id, "nobody"] })).toMatchObject({
        [first.id]: ["active", { id: first.id }],
      });
      expect(await tell("reserved")).toEqual([]);
      expect(await tell("scheduled")).toEqual([]);
      expect(await tell("registered")).toEqual(["m.add", "m.hold", "m.slow"]);
      expect(await tell("stats")).toMatchObject({
        total: { "m.hold": 1 },
        pid: process.pid,
        clock: expect.stringMatching(/^\d+$/),
        pool: { "max-concurrency": 1, implementation: "celeriac.pool:inline" },
        broker: { transport: expect.any(String) },
        prefetch_count: 1,
        rusage: { utime: expect.any(Number) },
      });
      expect(JSON.stringify(await tell("conf", { with_defaults: true }))).not.toMatch(/guest:guest/);
      expect(await tell("active_queues")).toMatchObject([{ name: "celery", exchange: { type: "direct" } }]);
      expect(await tell("ping")).toEqual({ ok: "pong" });
    });

    it("says what is wrong as a Python worker does", async () => {
      tasks();
      await work();
      expect(await tell("nosuch")).toEqual({ error: "KeyError('nosuch')" });
      expect(await tell("rate_limit")).toEqual({
        error: `TypeError("rate_limit() missing 2 required positional arguments: 'task_name' and 'rate_limit'")`,
      });
      expect(await tell("enable_events", { x: 1 })).toEqual({
        error: `TypeError("enable_events() got an unexpected keyword argument 'x'")`,
      });
      expect(await tell("rate_limit", { task_name: "nope", rate_limit: "1/s" })).toEqual({ error: "unknown task" });
      expect(await tell("rate_limit", { task_name: "m.add", rate_limit: "abc" })).toEqual({
        error: `Invalid rate limit string: ValueError("could not convert string to float: 'abc'")`,
      });
      expect(await tell("autoscale", { max: 5, min: 1 })).toEqual({ error: "ValueError('Autoscale not enabled')" });
      expect(await tell("pool_shrink", { n: 9 })).toMatchObject({ error: expect.stringContaining("ValueError") });
      expect(await tell("add_consumer", { queue: "a\nb" })).toMatchObject({ error: expect.stringContaining("Error") });
      expect(await tell("terminate", { signal: "SIGKILL", task_id: "x" })).toEqual({ ok: "terminate: tasks unknown" });
    });

    it("grows and shrinks its pool while it works", async () => {
      const { hold, add } = tasks();
      await work({ concurrency: 1 });
      const sent = [await hold.delay({ key: "a" }), await hold.delay({ key: "b" }), await hold.delay({ key: "c" })];
      await started(1);
      expect(await tell("pool_grow", { n: 2 })).toEqual({ ok: "pool will grow" });
      await started(3);
      expect(worker.stats()).toMatchObject({ concurrency: 3, busy: 3 });
      expect(await tell("pool_shrink", { n: 2 })).toEqual({ ok: "pool will shrink" });
      const last = await add.delay({ x: 1, y: 2 });
      for (const key of "abc") gate(key).resolve();
      for (const one of sent) expect(await one.get({ timeout: "60s" })).toMatch(/^[abc]$/);
      expect(await last.get({ timeout: "60s" })).toBe(3);
      expect(worker.stats().concurrency).toBe(1);
    });

    it("keeps its pool within other bounds of its autoscaler from then on", async () => {
      const { hold, add } = tasks();
      await work({ concurrency: 1, autoscale: { max: 2, min: 1 } });
      const size = async (slots: number): Promise<void> => {
        await expect.poll(() => worker.stats().concurrency, { timeout: 60_000, interval: 10 }).toBe(slots);
      };
      await size(1);
      expect(await tell("autoscale", { max: 4, min: 3 })).toEqual({ ok: "autoscale now max=4 min=3" });
      await size(3);
      expect(await tell("stats")).toMatchObject({ autoscaler: { max: 4, min: 3, current: 3 } });
      // More waits than the former bound let run at once, and not more runs than the new one does.
      const keys = ["a", "b", "c", "d", "e"];
      const sent = await Promise.all(keys.map((key) => hold.delay({ key })));
      await size(4);
      await started(4);
      expect(await tell("pool_grow", { n: 1 })).toMatchObject({ error: expect.stringContaining("autoscale") });
      expect(await tell("autoscale", { max: 3, min: 4 })).toMatchObject({
        error: expect.stringContaining("min <= max"),
      });
      // Each alone: the other stays as it is, or gives way.
      expect(await tell("autoscale", { max: 2 })).toEqual({ ok: "autoscale now max=2 min=2" });
      await size(2);
      expect(await tell("autoscale", { min: 1 })).toEqual({ ok: "autoscale now max=2 min=1" });
      for (const key of keys) gate(key).resolve();
      for (const one of sent) expect(await one.get({ timeout: "60s" })).toMatch(/^[a-e]$/);
      expect(await (await add.delay({ x: 1, y: 2 })).get({ timeout: "60s" })).toBe(3);
    });

    it("takes from one more queue, and from one no more, without losing what it has", async () => {
      const { hold, add } = tasks();
      await work();
      expect(await tell("add_consumer", { queue: "video" })).toEqual({ ok: "add consumer video" });
      const mine = await hold.enqueue({ key: "v" }, { queue: "video" });
      await started(1);
      expect(await tell("active_queues")).toMatchObject([{ name: "celery" }, { name: "video" }]);
      expect(await tell("cancel_consumer", { queue: "video" })).toEqual({ ok: "no longer consuming from video" });
      expect(worker.stats().queues).toEqual(["celery"]);
      const left = await add.enqueue({ x: 1, y: 1 }, { queue: "video" });
      gate("v").resolve();
      expect(await mine.get({ timeout: "60s" })).toBe("v");
      expect(await (await add.delay({ x: 2, y: 2 })).get({ timeout: "60s" })).toBe(4);
      expect(await left.state()).toBe("PENDING");
      // None at all, and then again.
      expect(await tell("cancel_consumer", { queue: "celery" })).toEqual({ ok: "no longer consuming from celery" });
      const waits = await add.delay({ x: 3, y: 3 });
      expect(await tell("add_consumer", { queue: "video" })).toEqual({ ok: "add consumer video" });
      expect(await left.get({ timeout: "60s" })).toBe(2);
      expect(await waits.state()).toBe("PENDING");
      expect(await tell("add_consumer", { queue: "celery" })).toEqual({ ok: "add consumer celery" });
      expect(await waits.get({ timeout: "60s" })).toBe(6);
    });

    it("keeps to time limits that are set while it runs", async () => {
      const { slow } = tasks();
      await work();
      expect(await tellAll("time_limit", { task_name: "m.slow", soft: 0.05, hard: 60 })).toEqual({
        ok: "time limits set successfully",
      });
      expect(await (await slow.delay({ n: 1 })).get({ timeout: "60s" })).toBe("SOFT_TIME_LIMIT");
      expect(await tell("registered", { taskinfoitems: ["soft_time_limit"] })).toContain(
        "m.slow [soft_time_limit=0.05]",
      );
      if (!lasting) return;
      await worker.stop();
      await work();
      expect(await (await slow.delay({ n: 2 })).get({ timeout: "60s" })).toBe("SOFT_TIME_LIMIT");
    });

    it("tells another worker what is revoked, and takes over what that one knows", async () => {
      tasks();
      await work();
      expect(await tell("revoke", { task_id: ["r1", "r2"], terminate: false, signal: "SIGTERM" })).toEqual({
        ok: "tasks {'r1', 'r2'} flagged as revoked",
      });
      const told = await tell("hello", { from_node: "other@host", revoked: { r3: 1_795_224_339.557_885 } });
      expect(told).toMatchObject({ clock: expect.any(Number) });
      const { revoked } = told as { readonly revoked: Readonly<Record<string, readonly [number, string]>> };
      expect(Object.keys(revoked).toSorted()).toEqual(["r1", "r2", "r3"]);
      // Python takes a whole number for something else.
      for (const [id, [at, same]] of Object.entries(revoked)) {
        expect(same).toBe(id);
        expect(JSON.stringify(at)).toContain(".");
      }
      expect(await tell("hello", { from_node: node, revoked: {} })).toBeNull();
      expect(await tell("revoked")).toEqual(expect.arrayContaining(["r1", "r2", "r3"]));
    });

    it.skipIf(!lasting)(
      "keeps a revoke that was only broadcast, and what one worker was told for itself not",
      async () => {
        tasks();
        await work();
        await tellAll("revoke", { task_id: ["kept"], terminate: true, signal: "SIGKILL" });
        await tell("revoke", { task_id: ["own"] });
        expect(await tell("revoked")).toEqual(expect.arrayContaining(["kept", "own"]));
        await worker.stop();
        await work();
        expect(await tell("revoked")).toEqual(["kept"]);
      },
    );

    it("ends when it is told to", async () => {
      tasks();
      await work();
      const { bus } = await coreOf(app).connect();
      const question = { method: "shutdown", destination: [node], timeout: 300 };
      expect((await ask(bus, question, systemClock, never)).size).toBe(0);
      await worker.closed;
    });
  });
}
