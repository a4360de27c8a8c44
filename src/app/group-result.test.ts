import { describe, expect, it } from "vitest";
import type { ResultNode } from "../canvas/result-node.ts";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { encodeTaskMeta, type TaskMetaDraft } from "../wire/outcome.ts";
import { type App, coreOf, createApp } from "./app.ts";
import { StoredResult } from "./async-result.ts";
import { GroupFailedError } from "./group-failure.ts";
import type { GroupResult } from "./group-result.ts";
import { StoreReader } from "./result-reader.ts";
import { TaskFailedError } from "./task-failure.ts";

let made = 0;
const testApp = (clock = new VirtualClock()): App => createApp({ broker: `memory:group-test-${++made}`, clock });

type Draft = Partial<TaskMetaDraft> & { readonly id: string };
/** Stores ends as a worker does; a success unless told. */
async function store(app: App, ...drafts: readonly Draft[]): Promise<void> {
  const backend = await coreOf(app).connect();
  await backend.store.commit(
    drafts.map((draft) => {
      const status = draft.status ?? "SUCCESS";
      const meta = encodeTaskMeta({ result: { value: draft.id }, traceback: null, dateDone: null, status, ...draft });
      return { id: draft.id, state: status, final: status !== "STARTED", fence: 1, meta, ttl: 60_000 };
    }),
  );
}
const failure = (id: string, text = "no"): Draft => ({
  id,
  status: "FAILURE",
  result: { value: { exc_type: "ValueError", exc_message: [text], exc_module: "builtins" } },
});

const task = (id: string): ResultNode => ({ kind: "task", id });
const group = (id: string, ...members: ResultNode[]): ResultNode => ({ kind: "group", id, members });
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
function handle(app: App, node: ResultNode): GroupResult<unknown[]> {
  return (coreOf(app).result("") as StoredResult<unknown>).handle(node) as GroupResult<unknown[]>;
}
const caught = (promise: Promise<unknown>): Promise<CeleriacError> =>
  promise.then(
    () => Promise.reject(new Error("it resolved")),
    (error: unknown) => error as CeleriacError,
  );

describe("a group's result", () => {
  it("waits for all, and gives them in the order and nesting of the members", async () => {
    await using app = testApp();
    const sent = handle(app, group("g", task("a"), group("h", task("b"), group("i"), task("c")), task("d")));
    const waiting = sent.get();
    for (const id of ["d", "c", "b", "a"]) await store(app, { id });
    expect(await waiting).toEqual(["a", ["b", [], "c"], "d"]);
    expect(await sent.results[1]?.get()).toEqual(["b", [], "c"]);
    expect(await handle(app, group("e")).get()).toEqual([]);
  });

  it("rejects at the first failure in that order, and counts them", async () => {
    await using app = testApp();
    const sent = handle(app, group("g", task("a"), group("h", task("b"), task("c")), task("d"), task("e")));
    const waiting = caught(sent.get());
    let over = false;
    void waiting.then(() => (over = true));
    await store(app, failure("d", "late"));
    await store(app, { id: "a" });
    expect(over).toBe(false);
    await store(app, failure("c", "deep"));
    await store(app, { id: "b" });
    const error = (await waiting) as GroupFailedError;
    expect(error).toBeInstanceOf(GroupFailedError);
    expect(error).toMatchObject({ code: "GROUP_FAILED", id: "g", index: 1, task: "c", failed: 2, total: 5 });
    expect(error.cause).toBeInstanceOf(TaskFailedError);
    expect(error.message).toContain("ValueError: deep");
  });

  it("gives every end where some fail", async () => {
    await using app = testApp();
    const sent = handle(app, group("g", task("a"), group("h", task("b"), task("c")), task("d")));
    const waiting = sent.settled();
    await store(app, { id: "a" }, { id: "b" }, failure("c"), { id: "d", status: "REVOKED", result: { value: { exc_type: "TaskRevokedError", exc_message: ["expired"], exc_module: "celery.exceptions" } } }); // prettier-ignore
    expect(await waiting).toMatchObject([
      { status: "fulfilled", value: "a" },
      { status: "rejected", reason: { code: "TASK_FAILED", id: "c" } },
      { status: "rejected", reason: { code: "TASK_REVOKED", id: "d" } },
    ]);
  });

  it("gives each as it ends, what has ended before first", async () => {
    await using app = testApp();
    await store(app, { id: "c" });
    const sent = handle(app, group("g", task("a"), group("h", task("b"), task("e")), task("c"), group("empty")));
    const seen: unknown[] = [];
    for await (const each of sent.completed()) {
      seen.push([each.index, each.id, each.status === "fulfilled" ? each.value : each.reason.code]);
      if (each.id === "c") await store(app, { id: "e" }, failure("a"));
      if (each.id === "a") await store(app, { id: "b" });
    }
    expect(seen).toEqual([
      [3, "empty", []],
      [2, "c", "c"],
      [0, "a", "TASK_FAILED"],
      [1, "h", ["b", "e"]],
    ]);
  });

  it("is watched as a task is", async () => {
    await using app = testApp();
    await store(app, { id: "a" });
    const states: unknown[] = [];
    for await (const { state, final, progress, result, error } of handle(
      app,
      group("g", task("a"), task("b"), task("c")),
    ).watch()) {
      states.push([state, final, progress?.done, result ?? error?.code]);
      if (states.length === 1) await store(app, failure("c"));
      if (states.length === 2) await store(app, { id: "b" });
    }
    expect(states).toEqual([
      ["PROGRESS", false, 1, undefined],
      ["FAILURE", false, 2, undefined],
      ["FAILURE", true, undefined, "GROUP_FAILED"],
    ]);
  });

  it("says how far it is", async () => {
    await using app = testApp();
    const sent = handle(app, group("g", task("a"), group("h", task("b"), task("c"))));
    const now = async (): Promise<unknown[]> => {
      const { done, failed, total } = await sent.progress();
      return [
        done,
        failed,
        total,
        await sent.state(),
        await sent.ready(),
        await sent.successful(),
        await sent.failed(),
      ];
    };
    expect(await now()).toEqual([0, 0, 3, "PENDING", false, false, false]);
    await store(app, { id: "a" }, { id: "b", status: "STARTED" });
    expect(await now()).toEqual([1, 0, 3, "PROGRESS", false, false, false]);
    await store(app, { id: "b" }, { id: "c" });
    expect(await now()).toEqual([3, 0, 3, "SUCCESS", true, true, false]);
    const other = handle(app, group("k", task("x"), task("y")));
    await store(app, failure("x"));
    expect([await other.state(), await other.failed(), await other.ready()]).toEqual(["FAILURE", true, false]);
    expect(await sent.details()).toBeUndefined();
    await sent.forget();
    expect(await now()).toEqual([0, 0, 3, "PENDING", false, false, false]);
  });

  it("stops waiting when it is told to", async () => {
    const clock = new VirtualClock();
    const app = testApp(clock);
    const sent = handle(app, group("g", ...ids(3).map(task)));
    await store(app, { id: "t1" });
    const late = caught(sent.get({ timeout: "5s" }));
    await clock.advance(5_000);
    expect(await late).toMatchObject({ code: "RESULT_TIMEOUT", details: { id: "g", ended: 1, total: 3 } });
    const stop = new AbortController();
    const told = caught(sent.settled({ signal: stop.signal }));
    const iterated = caught((async () => { for await (const _ of sent.completed(stop.signal)); })()); // prettier-ignore
    stop.abort(new Error("enough"));
    expect([(await told).message, (await iterated).message]).toEqual(["enough", "enough"]);
    const closed = caught(sent.get());
    await app.close();
    expect((await closed).code).toBe("BACKEND_CLOSED");
  });
});

describe("a large group", () => {
  it("is read in slices, and few of it are watched at once", async () => {
    const clock = new VirtualClock();
    await using app = testApp(clock);
    const count = 10_000;
    const backend = await coreOf(app).connect();
    let reads = 0;
    let longest = 0;
    let watched = 0;
    let most = 0;
    class CountingReader extends StoreReader {
      override readMany(batch: readonly string[]): ReturnType<StoreReader["readMany"]> {
        reads += 1;
        longest = Math.max(longest, batch.length);
        return super.readMany(batch);
      }
      override async *watch(id: string, signal: AbortSignal): ReturnType<StoreReader["watch"]> {
        most = Math.max(most, ++watched);
        try {
          yield* super.watch(id, signal);
        } finally {
          watched -= 1;
        }
      }
    }
    const reader = new CountingReader(clock, () => Promise.resolve(backend), 60_000);
    const sent = new StoredResult("", reader).handle(group("g", ...ids(count).map(task))) as GroupResult<unknown[]>;
    const all = ids(count);
    const waiting = sent.get();
    for (let at = 0; at < count; at += 500) {
      await store(app, ...all.slice(at, at + 500).map((id) => ({ id })));
      await clock.advance(1_000);
    }
    expect(await waiting).toEqual(all);
    expect([longest, most]).toEqual([500, 16]);
    // One reading of all is 21; it is repeated only with pauses.
    expect(reads).toBeLessThan(400);
    reads = 0;
    expect(await sent.progress()).toMatchObject({ done: count, failed: 0, total: count });
    expect(reads).toBe(21);
    // Large results are read a few at a time, as soon as their size is known.
    const megabyte = "x".repeat(1024 * 1024);
    await store(app, ...ids(120).map((id) => ({ id: `large-${id}`, result: { value: megabyte } })));
    longest = reads = 0;
    const large = new StoredResult("", reader).handle(group("h", ...ids(120).map((id) => task(`large-${id}`))));
    expect(await (large as GroupResult<unknown[]>).progress()).toMatchObject({ done: 120 });
    expect([longest, reads]).toEqual([100, 3]);
  });
});

describe("a saved group", () => {
  it("is found by its id, as Celery keeps it, for as long as results", async () => {
    const clock = new VirtualClock();
    await using app = testApp(clock);
    const parent = group("before", task("p"));
    const sent = handle(app, { ...group("g", task("a"), group("h", task("b"))), parent } as ResultNode);
    expect(await app.groupResult("g")).toBeUndefined();
    await sent.save();
    const { joins } = (await coreOf(app).connect()).store;
    expect(new TextDecoder().decode(await joins?.saved("g"))).toBe(
      '{"result":[["g",[["before",null],[[["p",null],null]]]],[[["a",null],null],[["h",null],[[["b",null],null]]]]]}',
    );
    await store(app, { id: "a" }, { id: "b" });
    const again = await app.groupResult("g");
    expect(await again?.get()).toEqual(["a", ["b"]]);
    expect([again?.toJSON(), again?.parent?.id]).toEqual([sent.toJSON(), "before"]);
    await sent.forget();
    expect(await app.groupResult("g")).toBeUndefined();
    await sent.save({ ttl: "1h" });
    await clock.advance(3_599_000);
    expect(await app.groupResult("g")).toBeDefined();
    await sent.save();
    await clock.advance(86_399_000);
    expect(await app.groupResult("g")).toBeDefined();
    await clock.advance(1_000);
    expect(await app.groupResult("g")).toBeUndefined();
    expect((await caught(sent.save({ ttl: "1 day" as "1d" }))).code).toBe("DURATION_INVALID");
  });

  it("may have come from Python, or be nothing that can be read", async () => {
    await using app = testApp();
    const { joins } = (await coreOf(app).connect()).store;
    const save = (text: string): Promise<void> | undefined => joins?.save("g", new TextEncoder().encode(text), 60_000);
    // Old ones have bare ids.
    await save('{"result": ["g", [["a", null], [["b", null], null]]]}');
    expect((await app.groupResult("g"))?.results.map(({ id }) => id)).toEqual(["a", "b"]);
    for (const text of ["[]", "{}", '{"result": [["g", null], null]}', '{"result": 3}', "null"]) {
      await save(text);
      expect(await app.groupResult("g")).toBeUndefined();
    }
  });
});

describe("what a task set off", () => {
  it("is known by its children, and theirs", async () => {
    await using app = testApp();
    const child = (id: string): readonly [[string, null], null] => [[id, null], null];
    await store(app, {
      id: "a",
      children: [
        child("b"),
        [
          ["g", null],
          [child("c"), child("d")],
        ],
        "a",
      ],
    });
    await store(app, { id: "b", children: [child("e"), child("c")] }, { ...failure("d"), children: null });
    const [first, second] = await app.result("a").children();
    expect([first?.id, second?.toJSON()]).toEqual([
      "b",
      [
        ["g", null],
        [child("c"), child("d")],
      ],
    ]);
    expect(await app.result("nobody").children()).toEqual([]);
    const graph = await app.result("a").graph();
    expect(graph.nodes.map(({ id, kind, state, children }) => [id, kind, state, children.join(" ")])).toEqual([
      ["a", "task", "SUCCESS", "b g a"],
      ["b", "task", "SUCCESS", "e c"],
      ["g", "group", undefined, "c d"],
      ["e", "task", "PENDING", ""],
      ["c", "task", "PENDING", ""],
      ["d", "task", "FAILURE", ""],
    ]);
    expect(graph.complete).toBe(true);
    const narrow = await app.result("a").graph({ limit: 2 });
    expect([narrow.nodes.map(({ id }) => id), narrow.complete]).toEqual([["a", "b"], false]);
    const near = await app.result("a").graph({ depth: 1 });
    expect([near.nodes.map(({ id }) => id), near.complete]).toEqual([["a", "b", "g"], false]);
    expect((await handle(app, group("g", task("b"))).graph()).nodes.map(({ id }) => id)).toEqual(["g", "b", "e", "c"]);
  });
});
