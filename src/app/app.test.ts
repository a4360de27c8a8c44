import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing, Published } from "../port/broker.ts";
import { freeze } from "../task/registry.ts";
import { type RunningTask, withRunningTask } from "../task/running.ts";
import { decodeCall, splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders } from "../wire/task-message.ts";
import { type App, coreOf, createApp } from "./app.ts";
import type { AppOptions } from "./config.ts";

let made = 0;
function testApp(options: AppOptions = {}): App {
  return createApp({ broker: `memory:app-test-${++made}`, ...options });
}

/** Every batch that reached the broker's `publish`, as it was given. */
async function published(app: App): Promise<(readonly Outgoing[])[]> {
  const { broker } = await coreOf(app).connect();
  const batches: (readonly Outgoing[])[] = [];
  const publish = broker.publish.bind(broker);
  broker.publish = (batch, signal): Promise<readonly Published[]> => {
    batches.push(batch);
    return publish(batch, signal);
  };
  return batches;
}

const callOf = (outgoing: Outgoing | undefined): unknown =>
  outgoing === undefined ? undefined : decodeCall(splitTaskBody(outgoing.message.body).call);

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
    return "none";
  } catch (error) {
    return (error as CeleriacError).code;
  }
};

describe("enqueue", () => {
  it("sends calls of one turn in one publish, also when they first await a schema", async () => {
    await using app = testApp();
    const plain = app.task("plain", (n: number) => n);
    const later = app.task("later", { input: z.number().refine(async () => true) }, (n) => n);
    const batches = await published(app);
    const sent = await Promise.all([plain.delay(1), later.delay(2), plain.delay(3)]);
    expect(batches).toHaveLength(1);
    expect(batches[0]?.map(callOf)).toEqual([
      { args: [1], kwargs: {} },
      { args: [3], kwargs: {} },
      { args: [2], kwargs: {} },
    ]);
    expect(new Set(sent.map((each) => each.id)).size).toBe(3);
    await plain.delay(4);
    expect(batches).toHaveLength(2);
  });

  it("sends many in one publish, with handles in the order of the inputs", async () => {
    await using app = testApp();
    const task = app.task("many", (n: number) => n);
    const batches = await published(app);
    const inputs = Array.from({ length: 2_500 }, (_, n) => n);
    const sent = await task.enqueueMany(inputs, { id: (n) => `many-${n}` });
    expect(batches.map((batch) => batch.length)).toEqual([2_500]);
    expect(sent.map((each) => each.id)).toEqual(inputs.map((n) => `many-${n}`));
    expect(await task.enqueueMany([])).toEqual([]);
  });

  it("reports a second call with the caller's id as duplicate, and generated ids never", async () => {
    await using app = testApp();
    const task = app.task("once", (n: number) => n);
    const batches = await published(app);
    expect((await task.enqueue(1, { id: "receipt-7" })).duplicate).toBe(false);
    expect((await task.enqueue(1, { id: "receipt-7" })).duplicate).toBe(true);
    expect((await task.delay(1)).duplicate).toBe(false);
    const [first, second, generated] = batches.flat().map((each) => each.dedupe);
    expect(first).toMatchObject({ id: "receipt-7", window: 86_400_000 });
    expect(second?.nonce).not.toBe(first?.nonce);
    expect(generated?.window).toBe(60_000);
    expect(generated?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("puts its options where they belong", async () => {
    await using app = testApp();
    const task = app.task(
      "opts",
      { queue: "slow", priority: 3, expires: "1h", ignoreResult: true, timeLimit: "9s" },
      (n: number) => n,
    );
    const batches = await published(app);
    const before = Date.now();
    await task.enqueue(1);
    await task.enqueue(1, {
      queue: "fast",
      delay: "10s",
      expires: new Date(before + 60_000),
      priority: 0,
      retries: 2,
      timeLimit: "2s",
      softTimeLimit: 1500,
      headers: { tenant: "a" },
      ignoreResult: false,
    });
    const [declared, called] = batches.flat();
    expect(declared?.queue).toBe("slow");
    expect(declared?.message.properties.priority).toBe(3);
    expect(declared?.due).toBeUndefined();
    const own = readTaskHeaders(declared?.message as Outgoing["message"]);
    expect(own.expires).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(own.ignoreResult).toBe(true);
    // The worker knows the task's own limits; sending them would win over a newer declaration there.
    expect(own.timeLimit).toEqual({ hard: undefined, soft: undefined });
    const headers = readTaskHeaders(called?.message as Outgoing["message"]);
    expect(called?.queue).toBe("fast");
    expect(called?.due).toBeGreaterThanOrEqual(before + 10_000);
    expect(headers).toMatchObject({
      eta: called?.due,
      expires: before + 60_000,
      retries: 2,
      timeLimit: { hard: 2000, soft: 1500 },
      custom: { tenant: "a" },
      ignoreResult: false,
    });
    expect(called?.message.properties.priority).toBe(0);
  });

  it("freezes the ids of links, so that sending them twice is sending them once", async () => {
    await using app = testApp();
    const first = app.task("first", (n: number) => n);
    const next = app.task("next", { queue: "n" }, (input: { n: number; tag: string }) => input.n);
    const failed = app.task("failed", (id: string) => id);
    const batches = await published(app);
    await first.enqueue(1, {
      link: next.si({ n: 1, tag: "x" }).link(first.s()),
      linkError: [failed.s(), failed.si("known").set({ delay: "2s" })],
    });
    const { embed } = splitTaskBody(batches[0]?.[0]?.message.body as Uint8Array);
    expect(embed.callbacks).toMatchObject([
      {
        task: "next",
        kwargs: { n: 1, tag: "x" },
        immutable: true,
        options: {
          queue: "n",
          task_id: expect.any(String),
          link: [{ task: "first", options: { task_id: expect.any(String) } }],
        },
      },
    ]);
    expect(embed.errbacks).toMatchObject([
      { task: "failed", args: [], immutable: false },
      { args: ["known"], immutable: true, options: { countdown: 2 } },
    ]);
  });

  it("inherits root, parent and stamps inside a handler", async () => {
    await using app = testApp();
    const task = app.task("child", (n: number) => n);
    const batches = await published(app);
    const running = { lineage: { root: "root", parent: "parent", stamps: { tenant: "a" } }, ask: undefined };
    await withRunningTask(running as unknown as RunningTask, () => task.delay(1));
    expect(readTaskHeaders(batches[0]?.[0]?.message as Outgoing["message"])).toMatchObject({
      rootId: "root",
      parentId: "parent",
      stamps: { tenant: "a" },
    });
  });
});

describe("bad input, at the call", () => {
  it("is refused with a code", async () => {
    await using app = testApp({ maxMessageBytes: 2_000 });
    const any = app.task("any", (input: unknown) => (input === undefined ? 0 : 1));
    const order = app.task("order", { input: z.object({ order: z.number(), lines: z.array(z.string()) }) }, () => 1);
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const cases: readonly (readonly [() => unknown, string])[] = [
      [() => any.delay({ map: new Map() }), "NOT_SERIALIZABLE"],
      [() => any.delay([() => 1]), "NOT_SERIALIZABLE"],
      [() => any.delay(Number.NaN), "NOT_SERIALIZABLE"],
      [() => any.delay(cyclic), "NOT_SERIALIZABLE"],
      [() => any.delay("x".repeat(3_000)), "MESSAGE_TOO_LARGE"],
      [() => any.enqueue(1, { headers: { x: "x".repeat(30_000) } }), "MESSAGE_TOO_LARGE"],
      [() => any.enqueue(1, { headers: { root_id: "a" } }), "NAME_INVALID"],
      [() => any.enqueue(1, { headers: { "celeriac.crashes": 1 } }), "NAME_INVALID"],
      [() => any.enqueue(1, { queue: "two words" }), "NAME_INVALID"],
      [() => any.enqueue(1, { id: "two words" }), "NAME_INVALID"],
      [() => any.enqueue(1, { id: "" }), "NAME_INVALID"],
      [() => any.enqueue(1, { priority: 1.5 }), "CONFIG_INVALID"],
      [() => any.enqueue(1, { priority: -1 }), "CONFIG_INVALID"],
      [() => any.enqueue(1, { retries: -1 }), "CONFIG_INVALID"],
      [() => any.enqueue(1, { delay: 1, eta: new Date() }), "CONFIG_INVALID"],
      [() => any.enqueue(1, { eta: new Date(Number.NaN) }), "CONFIG_INVALID"],
      [() => any.enqueue(1, { delay: "10 years" as "10s" }), "DURATION_INVALID"],
      [() => any.enqueue(1, { delay: -1 }), "DURATION_INVALID"],
      [() => any.enqueue(1, { countdown: 3 } as object), "CONFIG_INVALID"],
      [() => order.delay({ order: 1 } as never), "INPUT_INVALID"],
      [() => order.si({ order: "1" } as never), "INPUT_INVALID"],
      [() => app.task("order", () => 1), "TASK_DUPLICATE"],
      [() => app.task("__proto__", () => 1), "NAME_INVALID"],
      [() => app.task("two words", () => 1), "NAME_INVALID"],
      [() => app.task("opt", { retires: 1 } as object, () => 1), "CONFIG_INVALID"],
      [() => app.task("opt", { crashes: 0 }, () => 1), "CONFIG_INVALID"],
      [() => app.task("opt", { ack: "sometimes" as "early" }, () => 1), "CONFIG_INVALID"],
      [() => app.task("opt", "no" as never, () => 1), "CONFIG_INVALID"],
      [() => app.task("opt", undefined as never), "CONFIG_INVALID"],
    ];
    const codes = [];
    for (const [run] of cases) codes.push(await codeOf(run));
    expect(codes).toEqual(cases.map(([, code]) => code));
  });

  it("names the path and the issues", async () => {
    await using app = testApp();
    const any = app.task("any", (input: object) => input !== null);
    const order = app.task("order", { input: z.object({ order: z.object({ lines: z.array(z.number()) }) }) }, () => 1);
    await expect(any.delay({ rows: [{ tags: new Set() }] })).rejects.toThrow(/rows\[0\]\.tags/);
    await expect(order.delay({ order: { lines: [1, "2"] } } as never)).rejects.toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining("order.lines.1"),
      details: { task: "order", issues: [{ path: ["order", "lines", "1"] }] },
    });
  });

  it("never shows credentials of a broker URL", () => {
    for (const broker of [
      "redis://u:hunter2@",
      "kafka://u:hunter2@h",
      "redis://u:hunter2@h:x",
      "redis:///?password=hunter2",
      "u:hunter2@h",
    ]) {
      const make = (): App => createApp({ broker });
      expect(make).toThrow(expect.objectContaining({ code: "BROKER_URL_INVALID" }));
      expect(make).not.toThrow(/hunter2/);
    }
  });
});

describe("an app", () => {
  it("refuses options it does not know and values it cannot use", async () => {
    const codes = await Promise.all([
      codeOf(() => createApp({ brokr: "memory:" } as object)),
      codeOf(() => createApp({ broker: "memory:", tasks: [] as never })),
      codeOf(() => createApp({ broker: "memory:", maxMessageBytes: -1 })),
      codeOf(() => createApp({ broker: "memory:", publishTimeout: "soon" as "1s" })),
      codeOf(() => createApp({ broker: "memory:", defaultQueue: "unacked" })),
      codeOf(() => coreOf({} as App)),
    ]);
    expect(codes).toEqual([
      "CONFIG_INVALID",
      "CONFIG_INVALID",
      "CONFIG_INVALID",
      "DURATION_INVALID",
      "NAME_INVALID",
      "CONFIG_INVALID",
    ]);
  });

  it("loads its task modules once, for workers only", async () => {
    let loads = 0;
    await using app = testApp({
      tasks: () => {
        loads++;
        app.task("b", () => 1);
        app.task("a", { retry: { limit: 2 } }, () => 1);
        app.remote("c");
        return [Promise.resolve({})];
      },
    });
    expect(loads).toBe(0);
    const frozen = await app[freeze]();
    expect(frozen.tasks.map((each) => each.name)).toEqual(["a", "b"]);
    expect(frozen.tasks[0]?.shape).not.toBe(frozen.tasks[1]?.shape);
    expect(await app[freeze]()).toEqual(frozen);
    expect(loads).toBe(1);
  });

  it("says which app's task modules do not load", async () => {
    await using app = testApp({ name: "shop", tasks: () => [Promise.reject(new Error("no such module"))] });
    await expect(app[freeze]()).rejects.toMatchObject({
      code: "APP_LOAD_FAILED",
      message: expect.stringContaining("no such module"),
    });
  });

  it("ends what is on its way, then refuses", async () => {
    const app = testApp();
    const task = app.task("last", (n: number) => n);
    const sent = task.delay(1);
    await Promise.all([app.close(), app.close()]);
    expect((await sent).duplicate).toBe(false);
    expect(await codeOf(() => task.delay(2))).toBe("BACKEND_CLOSED");
    expect(await codeOf(() => app.result("x").state())).toBe("BACKEND_CLOSED");
  });

  it("does not wait for ever for a broker that is not there", async () => {
    // Port 1 of this machine: nobody listens, and nobody may.
    await using app = createApp({ broker: "redis://u:hunter2@127.0.0.1:1/0", publishTimeout: 300 });
    const task = app.task("far", (n: number) => n);
    const started = performance.now();
    const failure = await task.delay(1).then(
      () => undefined,
      (error: unknown) => error as CeleriacError,
    );
    expect(failure).toMatchObject({ code: "BACKEND_UNREACHABLE" });
    expect(failure?.message).not.toContain("hunter2");
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  it("shows its queues", async () => {
    await using app = testApp();
    const task = app.task("seen", { queue: "mail" }, (n: number) => n);
    await task.enqueueMany([1, 2]);
    expect(await app.queues.list()).toMatchObject([{ name: "mail" }]);
    expect((await app.dead.list({}, undefined, 10)).items).toEqual([]);
    expect(await app.queues.purge("mail", { ready: true, delayed: true })).toBe(2);
  });

  it("takes arguments as Celery's callers write them", async () => {
    await using app = testApp();
    const batches = await published(app);
    const add = app.task(
      "add",
      { positional: ["x", "y?", "z?"] },
      (input: { x: number; y?: number; z?: number }) => input.x,
    );
    const score = app.remote<(text: string, top?: number) => number>("ml.tasks.score", { queue: "ml" });
    const one = app.remote<(input: { order: number }) => number>("one");
    await add.delay({ x: 1, y: 2 });
    await add.delay({ x: 1, z: 3 });
    await score.delay("a", 3);
    await score.delay("a", undefined);
    await score.enqueueMany([["a", 1], ["b"]]);
    await one.enqueue({ order: 7 });
    expect(batches.flat().map(callOf)).toEqual([
      { args: [1, 2], kwargs: {} },
      { args: [1], kwargs: { z: 3 } },
      { args: ["a", 3], kwargs: {} },
      { args: ["a"], kwargs: {} },
      { args: ["a", 1], kwargs: {} },
      { args: ["b"], kwargs: {} },
      { args: [], kwargs: { order: 7 } },
    ]);
    expect(batches.flat()[2]?.queue).toBe("ml");
    expect(await codeOf(() => add.delay({ y: 1 } as never))).toBe("INPUT_INVALID");
    expect(await codeOf(() => add.delay({ x: 1, w: 1 } as never))).toBe("INPUT_INVALID");
  });
});
