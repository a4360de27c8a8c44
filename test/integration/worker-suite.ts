/** What a worker does with a task, whatever the broker: one suite, run on every driver, inline pool. */

import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp, type WorkerEvent, type WorkerHandle, type WorkOptions } from "../../src/index.ts";
import type { DeadLetter } from "../../src/port/queue-admin.ts";
import { makeTaskMessage } from "../../src/wire/task-message.ts";

export interface SuiteBroker {
  readonly url: string;
  /** Where results lie, if not with the messages. */
  readonly results?: string;
  close(): Promise<void>;
}

export function workerSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`a worker on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;
    let events: WorkerEvent[];

    beforeEach(async () => {
      broker = await makeBroker();
      app = makeApp("suite");
      events = [];
    });
    afterEach(async () => {
      await app.close();
      await broker.close();
    });

    const makeApp = (named: string): App =>
      createApp({
        name: named,
        broker: broker.url,
        ...(broker.results !== undefined && { results: broker.results }),
      });
    const work = (options: WorkOptions = {}): Promise<WorkerHandle> =>
      app.work({
        pool: "inline",
        concurrency: 10,
        lease: "60s",
        sweep: "100ms",
        grace: "1s",
        onEvent: (event) => events.push(event),
        ...options,
      });
    const letters = async (): Promise<readonly DeadLetter[]> => (await app.dead.list({}, undefined, 50)).items;

    it("runs a task and stores what it returned", async () => {
      const add = app.task("t.add", ({ x, y }: { x: number; y: number }) => x + y);
      await work();
      const sent = await add.delay({ x: 2, y: 3 });
      expect(await sent.get({ timeout: "60s" })).toBe(5);
      expect(await sent.state()).toBe("SUCCESS");
    });

    it("runs many tasks, each once", async () => {
      const runs = new Map<number, number>();
      const count = app.task("t.count", ({ n }: { n: number }) => void runs.set(n, (runs.get(n) ?? 0) + 1));
      await work();
      const sent = await count.enqueueMany(Array.from({ length: 500 }, (_, n) => ({ n })));
      await Promise.all(sent.map((one) => one.get({ timeout: "60s" })));
      expect(runs.size).toBe(500);
      expect([...runs.values()].every((times) => times === 1)).toBe(true);
    });

    it("stores a failure with its class, message and traceback", async () => {
      const fail = app.task("t.fail", (): void => {
        throw new RangeError("too far");
      });
      await work();
      const error: unknown = await (await fail.delay()).get({ timeout: "60s" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "TASK_FAILED", message: expect.stringContaining("too far") });
      expect(await letters()).toEqual([]);
    });

    it("tries again as its policy says, shows RETRY, and succeeds under the same id", async () => {
      const flaky = app.task("t.flaky", { retry: { limit: 3, delay: "30ms" } }, (_: { n: number }, ctx) => {
        if (ctx.attempt < 3) throw new Error("not yet");
        return ctx.attempt;
      });
      await work();
      const sent = await flaky.delay({ n: 1 });
      const states: string[] = [];
      for await (const { state } of sent.watch()) states.push(state);
      expect(states.at(-1)).toBe("SUCCESS");
      expect(await sent.get()).toBe(3);
      // A broker may hand out the next try before it confirms to the worker that it has it, and a result sent back overtakes both.
      await expect.poll(() => events.filter(({ type }) => type === "task:retried")).toHaveLength(2);
    });

    it("buries a task whose retries are used up, with every attempt, and redrives it", async () => {
      let broken = true;
      const stubborn = app.task("t.stubborn", { retry: { limit: 2, delay: "10ms" } }, (_: { n: number }) => {
        if (broken) throw new TypeError("still broken");
        return "mended";
      });
      await work();
      const sent = await stubborn.delay({ n: 1 });
      await expect(sent.get({ timeout: "60s" })).rejects.toMatchObject({ code: "TASK_FAILED" });
      // A result that lies elsewhere is there first.
      await expect.poll(letters).toHaveLength(1);
      const [letter] = await letters();
      expect(letter).toMatchObject({ id: sent.id, task: "t.stubborn", reason: "exhausted" });
      expect(letter?.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      broken = false;
      expect(await app.dead.redrive([letter?.key ?? ""])).toBe(1);
      expect(await sent.get({ timeout: "60s" })).toBe("mended");
      expect(await letters()).toEqual([]);
    });

    it("does not try again what the policy excludes", async () => {
      const picky = app.task(
        "t.picky",
        { retry: { limit: 5, delay: "10ms", never: [TypeError] } },
        (_: { n: number }): void => {
          throw new TypeError("never");
        },
      );
      await work();
      await expect((await picky.delay({ n: 1 })).get({ timeout: "60s" })).rejects.toMatchObject({
        code: "TASK_FAILED",
      });
      expect(events.some(({ type }) => type === "task:retried")).toBe(false);
    });

    it("lets a task ask for another try", async () => {
      const asking = app.task("t.asking", (_: { n: number }, ctx) =>
        ctx.attempt < 2 ? ctx.retry({ delay: "20ms" }) : ctx.attempt,
      );
      await work();
      expect(await (await asking.delay({ n: 1 })).get({ timeout: "60s" })).toBe(2);
    });

    it("holds a delayed task in the broker until it is due", async () => {
      const late = app.task("t.late", () => Date.now());
      await work();
      const before = Date.now();
      const sent = await late.enqueue(undefined, { delay: "400ms" });
      expect((await sent.get({ timeout: "60s" })) - before).toBeGreaterThanOrEqual(390);
    });

    it("revokes a task that expired before it could start", async () => {
      let runs = 0;
      const stale = app.task("t.stale", () => void runs++);
      const sent = await stale.enqueue(undefined, { expires: "30ms" });
      await new Promise((resolve) => {
        // Real time has to pass on a real server for a message to expire.
        setTimeout(resolve, 60);
      });
      await work();
      await expect(sent.get({ timeout: "60s" })).rejects.toMatchObject({ code: "TASK_REVOKED" });
      expect(runs).toBe(0);
    });

    it("sends callbacks with the result, and error callbacks with the failed id", async () => {
      const seen = Promise.withResolvers<unknown>();
      const failed = Promise.withResolvers<unknown>();
      const give = app.task("t.give", ({ fail }: { fail: boolean }) => {
        if (fail) throw new Error("as asked");
        return { n: 7 };
      });
      const next = app.task("t.next", (input: { n: number; more: string }) => seen.resolve(input));
      const onError = app.task("t.onError", (id: string) => failed.resolve(id));
      await work();
      await give.enqueue({ fail: false }, { link: next.s({ more: "x" }) });
      expect(await seen.promise).toEqual({ n: 7, more: "x" });
      const sent = await give.enqueue({ fail: true }, { linkError: onError.s() });
      expect(await failed.promise).toBe(sent.id);
    });

    it("sends what follows again, and runs nothing, when a redelivered task is final already", async ({ skip }) => {
      skip(!(await coreOf(app).connect()).store.features.manyReaders, "the store answers one asker alone");
      const done = Promise.withResolvers<unknown>();
      let runs = 0;
      const first = app.task("t.first", () => ++runs);
      const next = app.task("t.next", (value: number) => done.resolve(value));
      const sent = await first.enqueue(undefined, { link: next.s() });
      const other = makeApp("two ports");
      try {
        const backend = await coreOf(other).connect();
        const claimed = Promise.withResolvers<void>();
        const consumer = await backend.broker.consume(
          {
            queues: ["celery"],
            worker: "elsewhere",
            lease: 60_000,
            maxClaimBytes: 1 << 20,
            userCodeHere: false,
            stallLimit: 60_000,
            sweep: 100,
          },
          ([delivery]) => {
            if (!delivery) return;
            // Given back at the end; a second claim would only meet the closing.
            consumer.pause();
            consumer.started([delivery], "suspect");
            const meta = new TextEncoder().encode(
              `{"status":"SUCCESS","result":41,"traceback":null,"children":[],"date_done":null,"task_id":"${sent.id}"}`,
            );
            void backend.store
              .commit([{ id: sent.id, state: "SUCCESS", final: true, fence: delivery.fence, meta, ttl: 60_000 }])
              .then(() => consumer.settle([{ delivery, then: { kind: "requeue", at: "front", suspicions: 1 } }]))
              .then(() => claimed.resolve());
          },
        );
        consumer.want(1, 1);
        await claimed.promise;
      } finally {
        await other.close();
      }
      await work();
      expect(await done.promise).toBe(41);
      expect(runs).toBe(0);
    });

    it("stores progress, and keeps checkpoints across a retry", async ({ skip }) => {
      skip((await coreOf(app).connect()).store.checkpoints === undefined, "the store keeps no checkpoints");
      const made: string[] = [];
      const long = app.task("t.long", { retry: { limit: 1, delay: "10ms" } }, async (_: { n: number }, ctx) => {
        ctx.progress(1, 2, "half");
        const step = await ctx.checkpoint("a", () => {
          made.push("a");
          return { kept: 12345678901234567890n };
        });
        if (ctx.attempt === 1) throw new Error("after the checkpoint");
        return step.kept;
      });
      await work();
      expect(await (await long.delay({ n: 1 })).get({ timeout: "60s" })).toBe(12345678901234567890n);
      expect(made).toEqual(["a"]);
      await expect.poll(() => events.some(({ type }) => type === "task:progress")).toBe(true);
    });

    it("buries what it cannot read and goes on", async () => {
      const ok = app.task("t.ok", () => "fine");
      const backend = await coreOf(app).connect();
      const pickled = {
        ...makeTaskMessage({ task: "t.ok", id: "pickled", args: [], kwargs: {} }),
        contentType: "application/x-python-serialize",
      };
      const torn = {
        ...makeTaskMessage({ task: "t.ok", id: "torn", args: [], kwargs: {} }),
        body: new TextEncoder().encode("[[1,"),
      };
      await backend.broker.publish(
        [
          { queue: "celery", message: pickled },
          { queue: "celery", message: torn },
        ],
        AbortSignal.timeout(60_000),
      );
      await work();
      expect(await (await ok.delay()).get({ timeout: "60s" })).toBe("fine");
      await expect
        .poll(async () => (await letters()).map(({ reason }) => reason).sort())
        .toEqual(["refused-content", "undecodable"]);
      // Nobody asked for it, so where results are sent back there is nobody to tell.
      if (!backend.store.features.manyReaders) return;
      await expect(app.result("torn").get({ timeout: "60s" })).rejects.toMatchObject({ code: "TASK_FAILED" });
    });

    it("acknowledges an early task before it runs", async () => {
      const early = app.task("t.early", { ack: "early" }, async () => {
        await turn();
        return (await app.queues.list()).find(({ name: queue }) => queue === "celery")?.leased ?? 0;
      });
      await work();
      const sent = await early.delay();
      expect(await sent.get({ timeout: "60s" })).toBeLessThanOrEqual(1);
      await expect
        .poll(async () => (await app.queues.list()).find(({ name: queue }) => queue === "celery")?.leased ?? 0)
        .toBe(0);
    });

    it("gives running tasks back at shutdown, no attempt used, for the next worker", async () => {
      const began = Promise.withResolvers<void>();
      let patient = false;
      const attempts: number[] = [];
      const slow = app.task("t.slow", async (_: { n: number }, ctx) => {
        attempts.push(ctx.attempt);
        began.resolve();
        if (patient) return "done";
        await new Promise((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => reject(new Error("told to stop")));
        });
        return "never";
      });
      const first = await work();
      const sent = await slow.delay({ n: 1 });
      await began.promise;
      patient = true;
      await first.stop({ grace: 0 });
      await work();
      expect(await sent.get({ timeout: "60s" })).toBe("done");
      expect(attempts).toEqual([1, 1]);
    });

    it("ends a task at its hard limit and stores TimeLimitExceeded", async () => {
      const endless = app.task("t.endless", { timeLimit: "150ms" }, () => new Promise<void>(() => {}));
      await work();
      const error: unknown = await (await endless.delay()).get({ timeout: "60s" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "TASK_FAILED", message: expect.stringContaining("TimeLimitExceeded") });
    });

    it("tells what a task logs at the level it was logged at", async () => {
      const chatty = app.task("t.chatty", (_: { n: number }, ctx) => ctx.log.warn("careful", { n: 1 }));
      await work();
      await (await chatty.delay({ n: 1 })).get({ timeout: "60s" });
      await expect
        .poll(() => events.find(({ type }) => type === "task:log"))
        .toMatchObject({ code: "warn", text: "careful", detail: { n: 1 } });
    });

    it("stores nothing for a task that ignores its result", async () => {
      const settled = Promise.withResolvers<void>();
      const quiet = app.task("t.quiet", { ignoreResult: true }, () => 1);
      const worker = await work();
      worker.on("task:settled", () => settled.resolve());
      const sent = await quiet.delay();
      await settled.promise;
      expect(await sent.state()).toBe("PENDING");
    });

    it("hands what a task enqueues its family", async () => {
      const child = app.task("t.child", (_: { n: number }, ctx) => ctx.lineage);
      const parent = app.task("t.parent", async () => (await child.delay({ n: 1 })).id);
      await work();
      const sent = await parent.delay();
      const id = await sent.get({ timeout: "60s" });
      expect(await app.result(id).get({ timeout: "60s" })).toMatchObject({ root: sent.id, parent: sent.id });
    });

    it("leaves nothing in the queue when all is done", async () => {
      const ok = app.task("t.ok", () => 1);
      await work();
      await Promise.all(
        (await ok.enqueueMany(Array.from({ length: 20 }, () => undefined))).map((one) => one.get({ timeout: "60s" })),
      );
      await expect
        .poll(async () =>
          (await app.queues.list())
            .filter(({ name: queue }) => queue === "celery")
            .map(({ ready, leased, delayed }) => [
              ready.reduce((sum, { count }) => sum + count, 0),
              leased ?? 0,
              delayed ?? 0,
            ]),
        )
        .toEqual([[0, 0, 0]]);
    });
  });
}
