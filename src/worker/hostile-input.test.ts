/** What must not end a worker, nor keep its neighbours' tasks from being settled: listeners that throw, messages and handlers that lie. */

import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../app/app.ts";
import {
  type App,
  createApp,
  type DeadLetter,
  type WorkerEvent,
  type WorkerHandle,
  type WorkOptions,
} from "../index.ts";
import type { Message } from "../wire/message.ts";
import type { Signature } from "../wire/signature.ts";
import type { Embed } from "../wire/task-body.ts";
import { makeTaskMessage, type TaskDraft } from "../wire/task-message.ts";

const soon = { timeout: "60s" } as const;
let count = 0;

describe("a worker", () => {
  let app: App;
  let events: WorkerEvent[];

  beforeEach(() => {
    app = createApp({ name: "hostile", broker: `memory:hostile-input-${String(++count)}` });
    events = [];
  });
  afterEach(() => app.close());

  const work = (options: WorkOptions = {}): Promise<WorkerHandle> =>
    app.work({ pool: "inline", concurrency: 5, onEvent: (event) => events.push(event), ...options });
  const letters = async (): Promise<readonly DeadLetter[]> => (await app.dead.list({}, undefined, 50)).items;
  const put = async (...messages: readonly Message[]): Promise<void> => {
    const { broker } = await coreOf(app).connect();
    await broker.publish(
      messages.map((message) => ({ queue: "celery", message })),
      AbortSignal.timeout(60_000),
    );
  };
  const message = (id: string, draft: Partial<TaskDraft> = {}): Message =>
    makeTaskMessage({ task: "t.echo", id, args: [1], kwargs: {}, ...draft });
  const signature = (task: string, options: Record<string, unknown> = {}): Signature => ({
    task,
    args: [],
    kwargs: {},
    options,
    subtask_type: null,
    immutable: false,
  });
  const linked = (...callbacks: Signature[]): Embed => ({ callbacks, errbacks: null, chain: null, chord: null });

  it("goes on when its listeners throw or reject, and says so", async () => {
    app.task("t.echo", (n: number) => n);
    const worker = await work({
      onEvent: (event) => {
        events.push(event);
        throw new Error("listener");
      },
    });
    const later = async (): Promise<void> => {
      await turn();
      throw new Error("async listener");
    };
    // As those write it who do not lint: a promise that nobody waits for.
    worker.on("task:started", later as () => void);
    await put(message("a"));
    const hostile = message("h");
    await put({ ...hostile, headers: { ...hostile.headers, task: "../../x" } }, message("b"));
    expect(await app.result("a").get(soon)).toBe(1);
    expect(await app.result("b").get(soon)).toBe(1);
    await expect.poll(letters, { timeout: 60_000 }).toHaveLength(1);
    await expect
      .poll(() => events.filter(({ code }) => code === "LISTENER_FAILED").map(({ text }) => text))
      .toEqual(expect.arrayContaining([expect.stringContaining("async listener")]));
  });

  it.each([
    ["a forbidden name", signature("__proto__")],
    ["a queue that is none", signature("t.echo", { queue: "unacked" })],
    ["headers with a meaning of their own", signature("t.echo", { headers: { retries: 7 } })],
    ["a moment that is none", signature("t.echo", { countdown: 1e300 })],
  ])("buries a task whose callback has %s", async (_, callback) => {
    app.task("t.echo", (n: number) => n);
    await put(message("bad", { embed: linked(callback) }), message("good"));
    await work();
    expect(await app.result("good").get(soon)).toBe(1);
    await expect(app.result("bad").get(soon)).rejects.toMatchObject({ code: "TASK_FAILED", dead: true });
    expect(await letters()).toMatchObject([{ id: "bad", reason: "undecodable" }]);
  });

  it("fails a task whose retry delay throws, for good", async () => {
    const broken = app.task(
      "t.broken",
      {
        retry: {
          limit: 3,
          delay: () => {
            throw new Error("no idea");
          },
        },
      },
      (_: number): void => {
        throw new RangeError("at work");
      },
    );
    await work();
    await expect((await broken.delay(1)).get(soon)).rejects.toMatchObject({
      code: "TASK_FAILED",
      message: expect.stringContaining("at work"),
    });
    expect(await letters()).toMatchObject([{ reason: "exhausted", detail: expect.stringContaining("no idea") }]);
  });

  it.each([
    { "~decision": "retry", limit: "many", delay: "soon" },
    { "~decision": "retry", limit: Number.NaN, delay: Number.NaN },
    { "~decision": "reject", requeue: "no", reason: { toString: 1 } },
  ])("takes no word of a decision that is none: %j", async (decision) => {
    const liar = app.task("t.liar", { retry: { limit: 0 } }, (_: number): void => {
      throw decision;
    });
    const echo = app.task("t.echo", (n: number) => n);
    await work();
    await expect((await liar.delay(1)).get(soon)).rejects.toMatchObject({ code: "TASK_FAILED" });
    expect(await (await echo.delay(2)).get(soon)).toBe(2);
  });

  it("survives a report of progress that is no number", async () => {
    const report = app.task("t.report", async (_: number, ctx) => {
      ctx.progress(1, 2);
      ctx.progress(Number.NaN, Infinity);
      await new Promise((resolve) => {
        // Longer than the window in which reports are merged.
        setTimeout(resolve, 150);
      });
      return "fine";
    });
    await work();
    expect(await (await report.delay(1)).get(soon)).toBe("fine");
  });

  it("waits for a stop that is under way when the app is closed, and does not cut its grace", async () => {
    const gate = Promise.withResolvers<string>();
    const began = Promise.withResolvers<void>();
    const slow = app.task("t.slow", async (_: number) => {
      began.resolve();
      return gate.promise;
    });
    const worker = await work();
    await slow.delay(1);
    await began.promise;
    const stopping = worker.stop({ grace: "20s" });
    const closing = app.close();
    await turn();
    gate.resolve("done");
    await Promise.all([stopping, closing]);
    expect(worker.stats()).toMatchObject({ succeeded: 1, returned: 0 });
  });
});
