import { afterEach, describe, expect, it } from "vitest";
import { group } from "../canvas/group.ts";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { type RunningTask, type TaskAsk, withRunningTask } from "../task/running.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { encodeTaskMeta } from "../wire/outcome.ts";
import { decodeCall, splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders } from "../wire/task-message.ts";
import { type App, coreOf, createApp } from "./app.ts";
import { answerAsk } from "./asking.ts";

afterEach(() => {
  delete process.env["CELERIAC_ROLE"];
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (error as CeleriacError).code,
  );

let made = 0;
/** A worker's app and a child's, joined by a wire that carries JSON text only, as the pool's does. */
function pair(): { worker: App; child: App; clock: VirtualClock; asked: TaskAsk[]; inside: <T>(fn: () => T) => T } {
  const clock = new VirtualClock();
  const worker = createApp({ broker: `memory:asking-${++made}`, clock });
  const child = createApp({ broker: `memory:asking-${made}`, clock });
  const asked: TaskAsk[] = [];
  const ask = async (what: TaskAsk): Promise<unknown> => {
    const crossed = JSON.parse(JSON.stringify(what)) as Extract<TaskAsk, { k: "send" | "get" }>;
    asked.push(crossed);
    return JSON.parse(JSON.stringify(await answerAsk(coreOf(worker), crossed)));
  };
  const running = { lineage: { root: "root", parent: "parent", stamps: undefined }, ask } as unknown as RunningTask;
  return { worker, child, clock, asked, inside: (fn) => withRunningTask(running, fn) };
}

describe("a child", () => {
  it("sends through its worker, with nothing lost on the way", async () => {
    const { worker, child, inside } = pair();
    const task = child.task(
      "far",
      { queue: "mail", expires: "1h" },
      (input: { at: Date; big: bigint; bytes: Uint8Array }) => !!input,
    );
    const input = { at: new Date(5), big: 2n ** 70n, bytes: new Uint8Array([0, 255]) };
    const sent = await inside(() =>
      task.enqueue(input, { id: "mine", delay: "10s", headers: { tenant: "a" }, link: task.si(input) }),
    );
    expect(sent).toMatchObject({ id: "mine", duplicate: false });
    expect((await inside(() => task.enqueue(input, { id: "mine" }))).duplicate).toBe(true);
    const { broker } = await coreOf(worker).connect();
    const { items } = await broker.queues.browse("mail", "delayed", undefined, 10);
    expect(items).toHaveLength(1);
    await worker.close();
  });

  it("starts workflows through its worker, and reads them", async () => {
    const { worker, child, asked, inside } = pair();
    const task = child.task("far", (n: number) => n);
    const members = Array.from({ length: 40 }, (_, n) => task.si(n));
    const sent = await inside(() => child.enqueue(group(members), { id: "all" }));
    expect([sent.id, sent.results.length, asked.map(({ k }) => k)]).toEqual(["all", 40, ["send"]]);
    const { store } = await coreOf(worker).connect();
    await store.commit(
      sent.results.map(({ id }, value) => {
        const meta = encodeTaskMeta({ id, status: "SUCCESS", result: { value }, traceback: null, dateDone: null });
        return { id, state: "SUCCESS", final: true, fence: 1, meta, ttl: 60_000 };
      }),
    );
    expect(await inside(() => sent.get())).toEqual(members.map((_, n) => n));
    expect(asked.filter(({ k }) => k === "get")).toHaveLength(40);
    const refused: (() => Promise<unknown>)[] = [
      () => sent.save(),
      () => sent.forget(),
      () => child.groupResult("all"),
    ];
    for (const ask of refused) expect(await codeOf(inside(ask))).toBe("NOT_SUPPORTED");
    await worker.close();
  });

  it("keeps what it decided: id, lineage, links, nonce", async () => {
    const { worker, child, inside } = pair();
    const { broker } = await coreOf(worker).connect();
    const batches: Parameters<typeof broker.publish>[0][] = [];
    const publish = broker.publish.bind(broker);
    broker.publish = (batch, signal) => {
      batches.push(batch);
      return publish(batch, signal);
    };
    const task = child.task("far", (n: number) => n);
    const sent = await inside(() => task.enqueue(1, { link: task.s(), priority: 3 }));
    const [outgoing] = batches.flat();
    expect(outgoing?.dedupe).toEqual({ id: sent.id, nonce: sent.id, window: 60_000 });
    if (outgoing === undefined) throw new Error("nothing was sent");
    expect(readTaskHeaders(outgoing.message)).toMatchObject({ id: sent.id, rootId: "root", parentId: "parent" });
    const { call, embed } = splitTaskBody(outgoing.message.body);
    expect(decodeCall(call)).toEqual({ args: [1], kwargs: {} });
    expect(embed.callbacks?.[0]?.options).toMatchObject({ task_id: expect.any(String) });
    await worker.close();
  });

  it("is refused bad input where it is given, without asking", async () => {
    const { child, asked, inside } = pair();
    const task = child.task("far", (input: unknown) => input === 1);
    expect(await codeOf(inside(() => task.delay({ m: new Map() })))).toBe("NOT_SERIALIZABLE");
    expect(await codeOf(inside(() => task.delay("x".repeat(2_000_000))))).toBe("MESSAGE_TOO_LARGE");
    expect(asked).toEqual([]);
  });

  it("reads results through its worker", async () => {
    const { worker, child, clock, inside } = pair();
    const { store } = await coreOf(worker).connect();
    const result = inside(() => child.result<number>("a"));
    expect(await result.state()).toBe("PENDING");
    const waiting = result.get({ timeout: "1m" });
    await clock.advance(1_000);
    const meta = encodeTaskMeta({ id: "a", status: "SUCCESS", result: { value: 3 }, traceback: null, dateDone: null });
    await store.commit([{ id: "a", state: "SUCCESS", final: true, fence: 1, meta, ttl: undefined }]);
    await clock.advance(1_000);
    expect(await waiting).toBe(3);
    expect(await codeOf(result.forget())).toBe("NOT_SUPPORTED");
    await worker.close();
  });

  it("does not wait for ever for a worker that does not answer", async () => {
    const { child, clock } = pair();
    const task = child.task("far", (n: number) => n);
    const silent = { lineage: { root: "r", parent: "p" }, ask: () => new Promise(() => {}) } as unknown as RunningTask;
    const sent = codeOf(withRunningTask(silent, () => task.delay(1)));
    await clock.advance(10_000);
    expect(await sent).toBe("PUBLISH_UNKNOWN");
  });

  it("opens no broker and starts no worker", async () => {
    const { child, inside } = pair();
    const task = child.task("far", (n: number) => n);
    expect(await codeOf(inside(() => coreOf(child).connect()))).toBe("NOT_SUPPORTED");
    expect(await codeOf(inside(() => child.work()))).toBe("NOT_SUPPORTED");
    process.env["CELERIAC_ROLE"] = "child";
    expect(await codeOf(task.delay(1))).toBe("NOT_SUPPORTED");
    expect(await codeOf(child.result("a").state())).toBe("NOT_SUPPORTED");
    expect(coreOf(child).role).toBe("child");
  });
});

describe("a worker", () => {
  it("trusts no draft", async () => {
    const { worker } = pair();
    const send = (options: object): Promise<string> =>
      codeOf(answerAsk(coreOf(worker), { k: "send", batch: [{ signature: {}, options }] }));
    expect(await send({})).toBe("MESSAGE_UNDECODABLE");
    expect(await send({ draft: "{" })).toBe("MESSAGE_UNDECODABLE");
    const draft = { task: "a b", queue: "q", id: "i", call: "[[],{}]" };
    expect(await send({ draft: JSON.stringify(draft) })).toBe("NAME_INVALID");
    expect(await send({ draft: JSON.stringify({ ...draft, task: "a", queue: "unacked" }) })).toBe("NAME_INVALID");
    await worker.close();
  });
});

describe("a worker", () => {
  it.each([
    ["a draft that is null", { draft: "null" }],
    ["a draft without a call", { draft: '{"task":"t"}' }],
    ["a call that is no list", { draft: '{"task":"t","queue":"q","id":"a","call":"{}"}' }],
    ["a workflow that is null", { launch: "null" }],
  ])("refuses %s with a code", async (_, options) => {
    const { worker } = pair();
    const batch = [{ signature: { task: "t", id: "a" }, options }] as Extract<TaskAsk, { k: "send" }>["batch"];
    expect(await codeOf(answerAsk(coreOf(worker), { k: "send", batch }))).toBe("MESSAGE_UNDECODABLE");
  });
});
