/** Extended results: what a worker adds to each result, and what a reader finds, of ours and of Python's. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp, type WorkerHandle } from "../index.ts";
import { coreOf } from "../app/app.ts";
import { decodeTaskMeta, extendTaskMeta } from "../wire/outcome.ts";

/** As Celery 5.6.3 stored it for `tasks.fail.delay("x")`. */
const pythonsMeta =
  '{"status": "FAILURE", "result": {"exc_type": "ValueError", "exc_message": ["x"], "exc_module": "builtins"}, "traceback": ' +
  '"Traceback (most recent call last):\\nValueError: x\\n", "children": [[["c1", null], null]], "date_done": "2026-11-21T01:41:23.496333+00:00", ' +
  '"group_id": "g", "parent_id": "p", "name": "tasks.fail", "args": ["x"], "kwargs": {"k": 1}, "worker": "w1@cap", "retries": 2, ' +
  '"queue": "celery", "task_id": "t1"}';

describe("extended results", () => {
  let app: App;
  let worker: WorkerHandle | undefined;
  beforeEach(() => {
    app = createApp({ broker: "memory:", resultExtended: true });
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    await app.close();
  });
  const work = async (): Promise<void> => {
    worker = await app.work({ pool: "inline", name: "w1@here", queues: ["celery", "other"] });
  };
  const membersOf = async (id: string): Promise<Record<string, unknown>> => {
    const { store } = await coreOf(app).connect();
    const [outcome] = await store.get([id]);
    return JSON.parse(Buffer.from(outcome?.meta ?? []).toString()) as Record<string, unknown>;
  };

  it("hold what was called, as Celery writes it", async () => {
    const add = app.task("t.add", { positional: ["a", "b"] }, ({ a, b }: { a: number; b: number }) => a + b);
    const named = app.task("t.named", ({ k }: { k: Date }) => k);
    await work();
    const sum = await add.enqueue({ a: 2, b: 3 }, { queue: "other" });
    expect(await sum.get()).toBe(5);
    const members = await membersOf(sum.id);
    const common = { worker: "w1@here", retries: 0 };
    expect(members).toMatchObject({ name: "t.add", args: [2, 3], kwargs: {}, queue: "other", ...common });
    expect(Object.keys(members).at(-1)).toBe("task_id");
    const when = new Date(0);
    const stored = await named.delay({ k: when });
    await stored.get();
    expect(await stored.details()).toMatchObject({ name: "t.named", args: [], kwargs: { k: when }, ...common });
  });

  it("hold it in every state, and count retries", async () => {
    const flaky = app.task("t.flaky", { retry: { limit: 2, delay: "1ms" }, trackStarted: true }, (_: unknown, ctx) => {
      if (ctx.attempt < 3) throw new Error("not yet");
      return ctx.attempt;
    });
    const sent = await flaky.delay("x");
    const seen: (readonly [state: string, name: string | undefined])[] = [];
    const watching = (async () => {
      for await (const { state } of sent.watch()) seen.push([state, (await sent.details())?.name]);
    })();
    await work();
    await watching;
    expect(new Set(seen.map(([, name]) => name))).toEqual(new Set(["t.flaky"]));
    expect(await sent.details()).toMatchObject({ state: "SUCCESS", retries: 2, args: ["x"] });
  });

  it("hold it of failures and of calls that came too late", async () => {
    const fail = app.task("t.fail", (_: { why: string }) => {
      throw new RangeError("no");
    });
    const sent = await fail.enqueue({ why: "so" }, { headers: { trace: "x" } });
    const late = await fail.enqueue({ why: "late" }, { expires: new Date(Date.now() - 1000) });
    await work();
    await expect(sent.get()).rejects.toThrow("no");
    await expect(late.get()).rejects.toMatchObject({ code: "TASK_REVOKED" });
    expect(await sent.details()).toMatchObject({
      name: "t.fail",
      kwargs: { why: "so" },
      state: "FAILURE",
      traceback: expect.stringContaining("RangeError: no") as string,
      doneAt: expect.any(Date) as Date,
    });
    expect(await late.details()).toMatchObject({ name: "t.fail", kwargs: { why: "late" }, state: "REVOKED" });
  });

  it("are off unless asked for", async () => {
    const plain = createApp({ broker: "memory:" });
    const one = plain.task("t.one", () => 1);
    const at = await plain.work({ pool: "inline" });
    const sent = await one.delay();
    await sent.get();
    expect(await sent.details()).toMatchObject({
      name: undefined,
      args: undefined,
      worker: undefined,
      state: "SUCCESS",
    });
    await at.stop();
    await plain.close();
  });
});

describe("the details of a result", () => {
  it("are nothing while nothing is stored", async () => {
    const app = createApp({ broker: "memory:" });
    expect(await app.result("nobody").details()).toBeUndefined();
    await app.close();
  });

  it("are read from what Python stored", async () => {
    const app = createApp({ broker: "memory:" });
    const { store } = await coreOf(app).connect();
    const meta = Buffer.from(pythonsMeta);
    await store.commit([{ id: "t1", state: "FAILURE", final: true, fence: 1, meta, ttl: 60_000 }]);
    expect(await app.result("t1").details()).toEqual({
      name: "tasks.fail",
      args: ["x"],
      kwargs: { k: 1 },
      worker: "w1@cap",
      retries: 2,
      queue: "celery",
      state: "FAILURE",
      doneAt: new Date("2026-11-21T01:41:23.496Z"),
      children: ["c1"],
      traceback: "Traceback (most recent call last):\nValueError: x\n",
      parent: "p",
      group: "g",
    });
    await app.close();
  });
});

it("adds no member that is there already, and to nothing that is no meta of ours", () => {
  const meta = Buffer.from('{"status":"SUCCESS","result":1,"task_id":"t"}');
  const extended = decodeTaskMeta(
    extendTaskMeta(meta, "t", { status: "FAILURE", task_id: "x", name: "n", stamp: [1] }),
  );
  expect(extended).toMatchObject({ id: "t", status: "SUCCESS", extended: { name: "n", stamp: [1] } });
  expect(extendTaskMeta(meta, "other", { name: "n" })).toBe(meta);
  expect(extendTaskMeta(meta, "t", { result: 2 })).toBe(meta);
});
