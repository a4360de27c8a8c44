/** What comes back from a call: values, errors, decisions, progress, log lines, asks. */

import { expect, it } from "vitest";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { WireError } from "../../pool/pool-message.ts";
import type { PoolOutcome } from "../../pool/pool.ts";
import { type PoolSubject, useOnePool } from "./pool-rig.ts";

function errorOf(outcome: PoolOutcome): WireError {
  if (outcome.k !== "error") throw new Error(`expected an error, got ${JSON.stringify(outcome)}`);
  return outcome.error;
}

export function replyCases(subject: PoolSubject): void {
  const use = useOnePool(subject);

  it("gives a value back, and null for nothing", async () => {
    const rig = use();
    expect(await rig.value("echo", { input: { deep: [1, "ä€😀", { ok: true }] } })).toEqual({
      deep: [1, "ä€😀", { ok: true }],
    });
    expect(await rig.value("nothing")).toBeNull();
    expect(rig.began).toEqual([rig.slot - 1, rig.slot]);
  });

  it("keeps integers beyond 2^53 as they came", async () => {
    const rig = use();
    const outcome = await rig.run("echo", { body: Buffer.from("[[12345678901234567890],{}]") });
    expect(outcome.k === "value" && Buffer.from(outcome.bytes).toString()).toBe("12345678901234567890");
  });

  it("carries a megabyte both ways, many at once, unmixed", async () => {
    const rig = use();
    const inputs = ["a", "b", "c", "d"].map((letter) => letter.repeat(2 ** 20));
    expect(await Promise.all(inputs.map((input) => rig.value("echo", { input })))).toEqual(inputs);
  });

  it("gives an error back with name, message, stack, code, cause and the classes it matches", async () => {
    const rig = use();
    const error = errorOf(await rig.run("fail"));
    expect(error).toMatchObject({
      name: "VeryBusy",
      message: "the kitchen is full",
      args: ["the kitchen is full"],
      code: null,
      retryable: null,
      matches: ["Busy", "VeryBusy"],
    });
    expect(error.stack).toMatch(/VeryBusy: the kitchen is full\n\s+at .*app\.ts:\d+/);
    expect(error.cause).toMatchObject({ name: "TypeError", message: "no plates", cause: { message: "a string" } });
  });

  it("keeps what the thrower decided: retryable, module and arguments", async () => {
    const rig = use();
    expect(errorOf(await rig.run("fail-final"))).toMatchObject({ name: "TaskError", retryable: false });
    const remote = errorOf(await rig.run("fail-remote"));
    expect(remote).toMatchObject({ name: "OutOfStock", module: "shop.errors" });
    expect(remote.args.map(String)).toEqual(["A-17", "3"]);
  });

  it.each([["a text"], [17], [null], [{ an: "object" }]])("makes an error of a thrown %j", async (thrown) => {
    const rig = use();
    const error = errorOf(await rig.run("throw-value", { input: thrown }));
    expect(error).toMatchObject({
      name: "Error",
      message: typeof thrown === "string" ? thrown : JSON.stringify(thrown),
    });
  });

  it("refuses input that does not fit, for good", async () => {
    const rig = use();
    expect(await rig.value("half", { input: 42 })).toBe(21);
    expect(errorOf(await rig.run("half", { input: 7 }))).toMatchObject({ code: "INPUT_INVALID", retryable: false });
    const twice = errorOf(await rig.run("positions", { body: Buffer.from("[[1,2],{}]") }));
    expect(twice).toMatchObject({ code: "INPUT_ARITY", retryable: false });
    const broken = errorOf(await rig.run("echo", { body: Buffer.from("[[1,") }));
    expect(broken).toMatchObject({ code: "MESSAGE_UNDECODABLE", retryable: false });
    expect(errorOf(await rig.run("no.such.task"))).toMatchObject({ code: "TASK_UNKNOWN", retryable: false });
  });

  it("refuses results that JSON can't carry, and results that are too large", async () => {
    const rig = use();
    expect(errorOf(await rig.run("map"))).toMatchObject({ code: "NOT_SERIALIZABLE", retryable: false });
    expect(errorOf(await rig.run("big", { input: 2 ** 21 - 1 }))).toMatchObject({
      code: "RESULT_TOO_LARGE",
      retryable: false,
    });
    expect(await rig.value("big", { input: 2 ** 21 - 2 })).toHaveLength(2 ** 21 - 2);
  });

  it("tells decisions apart from errors", async () => {
    const rig = use();
    expect(await rig.run("retry")).toMatchObject({
      k: "control",
      what: "retry",
      detail: { delay: 2000, limit: 7, error: { name: "Busy", message: "later" } },
    });
    expect(await rig.run("reject")).toMatchObject({
      k: "control",
      what: "reject",
      detail: { requeue: true, reason: "not mine" },
    });
  });

  it("gives back decisions that JSON has no words for, at the cost of that task alone", async () => {
    const rig = use();
    const [neighbour, forEver, wildly, decided] = await Promise.all([
      rig.value("sleep", { input: 50 }),
      rig.run("retry-for-ever"),
      rig.run("retry-wildly"),
      rig.run("decide-wildly"),
    ]);
    expect(neighbour).toEqual(expect.any(String));
    expect(forEver).toMatchObject({ k: "control", what: "retry", detail: { delay: 5 } });
    expect(forEver.k === "control" && (forEver.detail as { limit: number }).limit).toBeGreaterThan(1e15);
    expect(errorOf(wildly)).toMatchObject({ code: "CONFIG_INVALID" });
    expect(["error", "control"]).toContain(decided.k);
  });

  it("hands stamps on as they came, integers beyond 2^53 too", async () => {
    const rig = use();
    const stamps = { tenant: 12345678901234567890n };
    const lineage = { root: "r", parent: null, group: null, stamps, trace: null };
    const outcome = await rig.run("stamps", { lineage });
    expect(outcome.k === "value" && Buffer.from(outcome.bytes).toString()).toBe('{"tenant":12345678901234567890}');
  });

  it("reports progress in order, the last of each 100 ms, and none after the end", async () => {
    const rig = use();
    expect(await rig.value("progress", { input: 50 })).toBe("done");
    const done = rig.progress.map((report) => report[1] as number);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done[0]).toBe(1);
    expect(done.at(-1)).toBe(52);
    expect(done).toContain(50);
    expect(done.length).toBeLessThanOrEqual(5);
    expect(rig.progress[0]).toEqual([rig.slot, 1, 50, "step 1"]);
    expect(rig.progress.at(-1)).toEqual([rig.slot, 52, null, null]);
  });

  it("hands log lines on with level and fields, and cuts long ones", async () => {
    const rig = use();
    await rig.value("log");
    expect(rig.logs.map(([slot, level]) => `${String(slot)} ${String(level)}`)).toEqual(
      [10, 20, 30, 40].map((level) => `${rig.slot} ${level}`),
    );
    expect(rig.logs.map((line) => String(line[2]).slice(0, 5))).toEqual(["one", "two", "three", "xxxxx"]);
    expect(rig.logs[1]?.[3]).toContain("1970-01-01");
    expect(String(rig.logs[2]?.[3])).toContain("unserializable");
    expect(String(rig.logs[3]?.[2]).length).toBeLessThanOrEqual(8200);
  });

  it("shows the handler what it runs as", async () => {
    const rig = use();
    const seen = await rig.value("context", {
      id: "abc",
      attempt: 3,
      fence: 17,
      queue: "slow",
      hard: 60_000,
      headers: '{"tenant":"kiosk"}',
      lineage: { root: "r", parent: "p", group: "g", stamps: { a: [1] }, trace: null },
      request:
        '{"correlationId":"c","replyTo":"ü","priority":6,"redelivered":true,"groupIndex":2,"eta":0,"expires":1000,"origin":"o"}',
    });
    expect(seen).toMatchObject({
      id: "abc",
      task: "context",
      queue: "slow",
      attempt: 3,
      fence: 17,
      key: "abc",
      lineage: { root: "r", parent: "p", group: "g" },
      headers: { tenant: "kiosk" },
      request: {
        root: "r",
        parent: "p",
        group: "g",
        groupIndex: 2,
        retries: 2,
        correlationId: "c",
        replyTo: "ü",
        priority: 6,
        redelivered: true,
        routingKey: "slow",
        timeLimit: 60_000,
        eta: { __type__: "datetime", __value__: "1970-01-01T00:00:00.000000+00:00" },
        expires: { __type__: "datetime", __value__: "1970-01-01T00:00:01.000000+00:00" },
        origin: "o",
        headers: { tenant: "kiosk" },
        stamps: { a: [1] },
      },
      running: { root: "r", parent: "abc", stamps: { a: [1] } },
      remote: subject.contains !== "none",
    });
    expect((seen as { deadline: unknown }).deadline).toBeTruthy();
  });

  it("shows what is usual where the message says nothing", async () => {
    const seen = (await use().value("context", { id: "abc" })) as { request: object };
    expect(seen.request).toEqual({
      root: "abc",
      retries: 0,
      correlationId: "abc",
      priority: 0,
      redelivered: false,
      routingKey: "celery",
      headers: {},
      stamps: {},
    });
  });

  it("passes states of the task's own on, after what was reported before, and none that means something else", async () => {
    const rig = use();
    const before: unknown[] = [];
    rig.answer = () => {
      before.push(rig.progress.at(-1)?.slice(1, 3));
      return Promise.resolve(null);
    };
    const refused = await rig.value("states");
    expect(refused).toEqual([...Array.from({ length: 8 }, () => "NAME_INVALID"), "NOT_SERIALIZABLE"]);
    expect(rig.asks.map(([, what]) => what)).toEqual([
      {
        k: "state",
        state: "CROPPING",
        meta: expect.stringMatching(/^\{"page":3,"at":\{"__type__":"datetime"/) as string,
      },
      { k: "state", state: "PACKING", meta: "null" },
    ]);
    expect(before).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it("keeps checkpoints through an ask, and replays those it was given", async () => {
    const rig = use();
    const first = await rig.run("checkpoints");
    expect(first.k === "value" && Buffer.from(first.bytes).toString()).toBe(
      '{"first":{"big":1152921504606846976},"second":"two","made":2}',
    );
    expect(rig.asks).toEqual([
      [rig.slot, { k: "checkpoint", name: "first", value: '{"big":1152921504606846976}' }],
      [rig.slot, { k: "checkpoint", name: "second", value: '"two"' }],
    ]);
    const replayed = await rig.value("checkpoints", { checkpoints: [["first", '"kept"']] });
    expect(replayed).toEqual({ first: "kept", second: "two", made: 1 });
    expect(rig.asks).toHaveLength(3);
  });

  it("tells a fenced checkpoint, and one whose name is used twice", async () => {
    const rig = use();
    rig.answer = async () => "fenced";
    expect(errorOf(await rig.run("checkpoints"))).toMatchObject({ code: "CHECKPOINT_FENCED" });
    rig.answer = async () => {
      throw new CeleriacError("CHECKPOINT_FENCED", "taken by another worker");
    };
    expect(errorOf(await rig.run("checkpoints"))).toMatchObject({ code: "CHECKPOINT_FENCED" });
    rig.answer = async () => null;
    expect(errorOf(await rig.run("checkpoints", { input: "twice" }))).toMatchObject({ code: "CHECKPOINT_NAME_REUSED" });
  });

  it.skipIf(subject.contains === "none")("carries what a task sends to the worker, and the answer back", async () => {
    const rig = use();
    rig.answer = async () => [{ id: "new", kind: "accepted", seen: 2n ** 60n }];
    const outcome = await rig.run("send", { input: 1 });
    expect(rig.asks).toEqual([
      [rig.slot, { k: "send", batch: [{ signature: { task: "echo", args: [1] }, options: {} }] }],
    ]);
    expect(outcome.k === "value" && Buffer.from(outcome.bytes).toString()).toContain("1152921504606846976");
    rig.answer = async () => {
      throw new CeleriacError("QUEUE_FULL", "the queue is full");
    };
    expect(errorOf(await rig.run("send", { input: 2 }))).toMatchObject({
      code: "QUEUE_FULL",
      message: "the queue is full",
    });
  });

  it.skipIf(subject.contains === "none")("asks before it ends are heard, asks after it are refused", async () => {
    const rig = use();
    expect(await rig.value("send-and-forget")).toBe("sent");
    expect(rig.asks).toEqual([[rig.slot, { k: "get", id: "other" }]]);
  });
}
