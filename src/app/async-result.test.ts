import { describe, expect, it } from "vitest";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { encodeTaskMeta, type TaskMetaDraft } from "../wire/outcome.ts";
import { type App, coreOf, createApp } from "./app.ts";
import { TaskFailedError, TaskRevokedError } from "./task-failure.ts";

let made = 0;
const testApp = (clock = new VirtualClock()): App => createApp({ broker: `memory:result-test-${++made}`, clock });

/** Stores a state as a worker does. */
async function store(app: App, draft: Partial<TaskMetaDraft> & { id: string; status: string }): Promise<void> {
  const backend = await coreOf(app).connect();
  const final = ["SUCCESS", "FAILURE", "REVOKED"].includes(draft.status);
  const meta = encodeTaskMeta({ result: { value: null }, traceback: null, dateDone: null, ...draft });
  await backend.store.commit([{ id: draft.id, state: draft.status, final, fence: 1, meta, ttl: 60_000 }]);
}

const caught = (promise: Promise<unknown>): Promise<CeleriacError> =>
  promise.then(
    () => Promise.reject(new Error("it resolved")),
    (error: unknown) => error as CeleriacError,
  );

describe("a result", () => {
  it("is read by id, with what JSON lacks restored", async () => {
    await using app = testApp();
    const value = { at: new Date(0), big: 2n ** 60n, bytes: new Uint8Array([0, 255]) };
    const result = app.result<typeof value>("a");
    expect(await result.state()).toBe("PENDING");
    await store(app, { id: "a", status: "SUCCESS", result: { value } });
    expect(await result.state()).toBe("SUCCESS");
    const got = await result.get();
    expect({ ...got, bytes: [...got.bytes] }).toEqual({ ...value, bytes: [0, 255] });
    expect(JSON.stringify({ result })).toBe('{"result":[["a",null],null]}');
    await result.forget();
    expect(await result.state()).toBe("PENDING");
  });

  it("waits for the end", async () => {
    await using app = testApp();
    const waiting = app.result("a").get();
    await store(app, { id: "a", status: "STARTED" });
    await store(app, { id: "a", status: "SUCCESS", result: { value: 3 } });
    expect(await waiting).toBe(3);
  });

  it("rejects with what the task threw", async () => {
    await using app = testApp();
    const result = { value: { exc_type: "OutOfStock", exc_message: ["A-17", 3], exc_module: "shop.errors" } };
    await store(app, { id: "a", status: "FAILURE", result, traceback: "Traceback: here" });
    const error = (await caught(app.result("a").get())) as TaskFailedError;
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error).toMatchObject({
      code: "TASK_FAILED",
      id: "a",
      type: "OutOfStock",
      module: "shop.errors",
      args: ["A-17", 3],
      traceback: "Traceback: here",
      dead: false,
      cause: { name: "OutOfStock", message: "A-17, 3", stack: "Traceback: here" },
    });
    await store(app, { id: "d", status: "FAILURE", result, celeriac: { outcome: "dead" } });
    expect(await caught(app.result("d").get())).toMatchObject({ dead: true });
  });

  it("rejects with why it was not run", async () => {
    await using app = testApp();
    const result = {
      value: { exc_type: "TaskRevokedError", exc_message: ["expired"], exc_module: "celery.exceptions" },
    };
    await store(app, { id: "a", status: "REVOKED", result });
    const error = await caught(app.result("a").get());
    expect(error).toBeInstanceOf(TaskRevokedError);
    expect(error).toMatchObject({ code: "TASK_REVOKED", id: "a", reason: "expired" });
  });

  it("stops waiting after its time, at the signal, and when the app is closed", async () => {
    const clock = new VirtualClock();
    const app = testApp(clock);
    const late = caught(app.result("a").get({ timeout: "10s" }));
    await app.result("a").state();
    await clock.advance(10_000);
    expect(await late).toMatchObject({ code: "RESULT_TIMEOUT", details: { id: "a", timeout: 10_000 } });

    const over = new AbortController();
    const gone = caught(app.result("a").get({ signal: over.signal }));
    over.abort(new Error("enough"));
    expect((await gone).message).toBe("enough");
    expect(await caught(app.result("a").get({ signal: over.signal }))).toMatchObject({ message: "enough" });

    const open = caught(app.result("a").get());
    await app.result("a").state();
    await app.close();
    expect(await open).toMatchObject({ code: "BACKEND_CLOSED" });
  });

  it("shows every state until the last", async () => {
    await using app = testApp();
    const result = app.result<number>("a");
    const seen: unknown[] = [];
    await store(app, { id: "a", status: "STARTED" });
    const watching = (async () => {
      for await (const each of result.watch()) seen.push([each.state, each.final, each.progress?.done, each.result]);
    })();
    await result.state();
    await store(app, { id: "a", status: "PROGRESS", result: { value: { done: 3, total: 10, note: "rows" } } });
    expect(await result.progress()).toEqual({ done: 3, total: 10, note: "rows" });
    await store(app, { id: "a", status: "PROGRESS", result: { value: { current: 4 } } });
    expect(await result.progress()).toEqual({ done: 4, total: undefined, note: undefined });
    await store(app, { id: "a", status: "SUCCESS", result: { value: 10 } });
    await watching;
    expect(seen.at(0)).toEqual(["STARTED", false, undefined, undefined]);
    expect(seen.at(-1)).toEqual(["SUCCESS", true, undefined, 10]);
    expect(seen).toContainEqual(["PROGRESS", false, 4, undefined]);
    expect(await result.progress()).toBeUndefined();
  });

  it("can be watched for a while", async () => {
    await using app = testApp();
    await store(app, { id: "a", status: "STARTED" });
    const states: string[] = [];
    for await (const each of app.result("a").watch()) {
      states.push(each.state);
      break;
    }
    expect(states).toEqual(["STARTED"]);
    const over = new AbortController();
    const rest = app.result("a").watch(over.signal)[Symbol.asyncIterator]();
    await rest.next();
    const next = rest.next();
    over.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  });
});

describe("a PENDING record", () => {
  it("is left by sends where result routes are served, and by none elsewhere", async () => {
    await using app = testApp();
    const task = app.task("t", (n: number) => n);
    const { store: results } = await coreOf(app).connect();
    const before = await task.delay(1);
    expect(await results.get([before.id])).toEqual([undefined]);
    coreOf(app).keepPending(60_000);
    const after = await task.delay(1);
    expect(await results.get([after.id])).toMatchObject([{ state: "PENDING" }]);
    expect(await after.state()).toBe("PENDING");
    // A worker that is faster than the record.
    const { broker } = await coreOf(app).connect();
    const publish = broker.publish.bind(broker);
    broker.publish = async (batch, signal) => {
      const published = await publish(batch, signal);
      await store(app, { id: "done", status: "SUCCESS", result: { value: 1 } });
      return published;
    };
    await task.enqueue(1, { id: "done" });
    expect(await app.result("done").get()).toBe(1);
    broker.publish = async (batch, signal) => {
      const published = await publish(batch, signal);
      await store(app, { id: "begun", status: "STARTED" });
      return published;
    };
    await task.enqueue(1, { id: "begun" });
    expect(await app.result("begun").state()).toBe("STARTED");
  });
});
