import { describe, expect, it, onTestFinished } from "vitest";
import { chordOf, groupOf } from "../canvas/composite.ts";
import type { Outgoing } from "../port/broker.ts";
import { decodeCall, splitTaskBody } from "../wire/task-body.ts";
import { readTaskHeaders } from "../wire/task-message.ts";
import { call, chordBench, type ChordBench, failure } from "./fixtures/chord-bench.ts";
import { failureMeta, successMeta } from "./result-write.ts";
import { withWaiters } from "./waiters.ts";

const body = call("t.body", "body", { link_error: [call("t.failed", "failed")] });
/** Longer than a full join may lie, and than the time between two looks. */
const soon = 11_000;

async function opened(): Promise<ChordBench> {
  const bench = await chordBench();
  onTestFinished(() => bench.end.close());
  return bench;
}

function sent({ published }: ChordBench): readonly string[] {
  return published.map(({ message }) => String(message.headers["id"]));
}

function argsOf(outgoing: Outgoing | undefined): readonly unknown[] {
  return outgoing === undefined ? [] : decodeCall(splitTaskBody(outgoing.message.body).call).args;
}

async function later(bench: ChordBench, ms = soon): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) await bench.clock.advance(500);
  await bench.end.drained();
}

describe("a chord whose members have all succeeded", () => {
  it("has its body sent once, with their results in order, in the family of who came last", async () => {
    const bench = await opened();
    await bench.open("g", 3, body);
    for (const index of [2, 0, 1]) await bench.arrive("g", index);
    expect(sent(bench)).toEqual(["body"]);
    expect(argsOf(bench.published[0])).toEqual([[0, 1, 2]]);
    const { rootId, parentId } = readTaskHeaders(bench.published[0]?.message ?? never());
    expect([rootId, parentId]).toEqual(["root", "g-1"]);
    expect(await bench.isOpen("g")).toBe(false);
    await later(bench);
    expect(sent(bench)).toEqual(["body"]);
  });

  it("has its body sent though its id was, for a task that Python replaced by a group", async () => {
    const bench = await opened();
    await bench.open("g", 1, call("celery.accumulate", "sent-before"));
    await bench.arrive("g", 0);
    expect(sent(bench)).toEqual(["sent-before"]);
  });

  it("counts a member that comes again once, and keeps what it said first", async () => {
    const bench = await opened();
    await bench.open("g", 2, body);
    await bench.arrive("g", 0);
    await bench.arrive("g", 0, { value: Buffer.from("99") });
    expect(sent(bench)).toEqual([]);
    await bench.arrive("g", 1);
    expect(argsOf(bench.published[0])).toEqual([[0, 1]]);
  });

  it("is ended by another worker if the last one died before it sent the body", async () => {
    const bench = await opened();
    await bench.open("g", 1, body);
    // Its worker has died: nobody is told.
    await bench.joins.arrive([
      { group: "g", member: "m", index: 0, state: "SUCCESS", value: Buffer.from("7"), ttl: 60_000 },
    ]);
    await later(bench);
    expect(sent(bench)).toEqual(["body"]);
    expect(argsOf(bench.published[0])).toEqual([[7]]);
  });

  it("is ended again, and the body is not sent again, if a worker died before it closed the join", async () => {
    const bench = await opened();
    const close = bench.joins.close.bind(bench.joins);
    let lost = 1;
    bench.joins.close = async (groups) => {
      if (lost-- > 0) throw new TypeError("the worker died here");
      return close(groups);
    };
    await bench.open("g", 1, body);
    await bench.arrive("g", 0);
    expect(await bench.isOpen("g")).toBe(true);
    await later(bench);
    expect(await bench.isOpen("g")).toBe(false);
    expect(sent(bench)).toEqual(["body"]);
  });

  it("is ended by two workers at once as by one", async () => {
    const bench = await opened();
    const other = bench.other();
    onTestFinished(() => other.close());
    await bench.open("g", 1, body);
    const arrival = {
      group: "g",
      member: "m",
      index: 0,
      state: "SUCCESS",
      value: Buffer.from("1"),
      body: Buffer.from(JSON.stringify(body)),
      ttl: 60_000,
    } as const;
    const joined = await bench.joins.arrive([arrival]);
    bench.end.joined([arrival], joined, { id: "m" });
    other.joined([arrival], joined, { id: "m" });
    await Promise.all([bench.end.drained(), other.drained()]);
    expect(sent(bench)).toEqual(["body"]);
    expect(bench.warnings()).toEqual([]);
  });

  it("is not closed by a worker that stops while the body's queue is full", async () => {
    const bench = await opened();
    bench.publish = () => ({ kind: "refused", reason: "full", detail: "full" });
    await bench.open("g", 1, body);
    const arriving = bench.arrive("g", 0);
    await bench.clock.advance(100);
    bench.settler.close();
    await arriving;
    expect(await bench.isOpen("g")).toBe(true);
    expect(bench.warnings()).toEqual(["CHORD_LOST"]);
  });

  it("waits for room in the body's queue", async () => {
    const bench = await opened();
    bench.publish = () => ({ kind: "refused", reason: "full", detail: "full" });
    await bench.open("g", 1, body);
    const arriving = bench.arrive("g", 0);
    await bench.clock.advance(100);
    bench.publish = () => ({ kind: "accepted" });
    await bench.clock.advance(4000);
    await arriving;
    expect(sent(bench)).toEqual(["body"]);
  });

  it("opens the chord that its body is before it sends that one's members", async () => {
    const bench = await opened();
    const inner = chordOf(groupOf([call("t.a", "a"), call("t.b", "b")], { task_id: "inner" }), call("t.end", "end"));
    const steps: string[] = [];
    const open = bench.joins.open.bind(bench.joins);
    bench.joins.open = async (joins) => {
      steps.push(...joins.map(({ group }) => `open ${group}`));
      return open(joins);
    };
    bench.publish = ({ message }) => {
      steps.push(`send ${String(message.headers["id"])}`);
      return { kind: "accepted" };
    };
    await bench.open("g", 1, inner);
    await bench.arrive("g", 0);
    expect(steps.slice(1)).toEqual(["open inner", "send a", "send b"]);
  });

  it.each([
    ["is too large", { kind: "refused", reason: "too-large", detail: "too large" } as const, body],
    [
      "has a name that no queue can have",
      undefined,
      call("t.body", "body", { queue: "\0", link_error: [call("t.failed", "failed")] }),
    ],
  ])("fails if its body %s, and tells the error callbacks", async (_, answer, unsendable) => {
    const bench = await opened();
    if (answer !== undefined)
      bench.publish = ({ message }) => (message.headers["id"] === "body" ? answer : { kind: "accepted" });
    await bench.open("g", 1, unsendable);
    await bench.arrive("g", 0);
    expect(await bench.stored("body")).toMatchObject({
      status: "FAILURE",
      result: { exc_type: "ChordError", exc_message: [expect.stringContaining("Callback error:")] },
    });
    expect(sent(bench)).toEqual(["failed"]);
    expect(await bench.isOpen("g")).toBe(false);
  });

  it("fails, once and for all, if nobody can read what comes after it", async () => {
    const bench = await opened();
    await bench.joins.open([{ group: "g", size: 1, body: Buffer.from("{"), ttl: 60_000 }]);
    await bench.arrive("g", 0, { body: Buffer.from("{") });
    await later(bench, 30_000);
    expect(bench.warnings()).toEqual(["CHORD_LOST"]);
    expect(await bench.isOpen("g")).toBe(false);
  });

  it("keeps the shape that a saved list gives its results", async () => {
    const bench = await opened();
    const tuple = (id: string): unknown => [[id, null], null];
    const saved = {
      result: [
        ["g", null],
        [
          tuple("g-0"),
          [
            ["inner", null],
            [tuple("g-1"), tuple("g-2")],
          ],
        ],
      ],
    };
    await bench.joins.save("g", Buffer.from(JSON.stringify(saved)), undefined);
    await bench.open("g", 3, body);
    for (const index of [0, 1, 2]) await bench.arrive("g", index);
    expect(argsOf(bench.published[0])).toEqual([[0, [1, 2]]]);
  });

  it("waits for a member that a saved list names, where a peer has counted fewer", async () => {
    const bench = await opened();
    const tuple = (id: string): unknown => [[id, null], null];
    const saved = [
      ["g", null],
      [
        tuple("g-0"),
        [
          ["inner", null],
          [tuple("g-1"), tuple("g-2")],
        ],
      ],
    ];
    await bench.joins.save("g", Buffer.from(JSON.stringify({ result: saved })), undefined);
    await bench.open("g", 2, body);
    for (const index of [0, 1]) await bench.arrive("g", index);
    await later(bench);
    expect([sent(bench), await bench.stored("body"), await bench.isOpen("g")]).toEqual([[], undefined, true]);
    await bench.arrive("g", 2);
    await later(bench);
    expect(argsOf(bench.published[0])).toEqual([[0, [1, 2]]]);
  });
});

describe("a chord with a member that did not succeed", () => {
  it("fails its body in Celery's words, tells the error callbacks once, and sends no body", async () => {
    const bench = await opened();
    await bench.open("g", 2, body);
    await bench.arrive("g", 0, failure("ValueError", "no"));
    expect(sent(bench)).toEqual([]);
    await bench.arrive("g", 1);
    expect(await bench.stored("body")).toMatchObject({
      status: "FAILURE",
      result: { exc_type: "ChordError", exc_message: ["Dependency g-0 raised ValueError('no')"] },
    });
    expect(sent(bench)).toEqual(["failed"]);
    expect(argsOf(bench.published[0])).toEqual(["body"]);
    await later(bench);
    expect(sent(bench)).toEqual(["failed"]);
  });

  it("fails the chord that its body is a member of, and so on outwards", async () => {
    const bench = await opened();
    const outer = call("t.outer", "outer", { link_error: [call("t.failed", "outer-failed")] });
    const middle = call("t.middle", "middle", { group_id: "far", group_index: 0, chord: outer });
    await bench.open("far", 1, outer);
    await bench.open("near", 1, middle);
    await bench.arrive("near", 0, failure("ValueError", "no"));
    expect((await bench.stored("middle"))?.status).toBe("FAILURE");
    expect((await bench.stored("outer"))?.status).toBe("FAILURE");
    expect(sent(bench)).toEqual(["outer-failed"]);
    expect(await bench.isOpen("far")).toBe(false);
  });

  it("fails every task of a body that is a workflow", async () => {
    const bench = await opened();
    const inner = chordOf(groupOf([call("t.a", "a"), call("t.b", "b")], { task_id: "inner" }), call("t.end", "end"));
    await bench.open("g", 1, { ...inner, options: { ...inner.options, chain: [call("t.last", "last")] } });
    await bench.arrive("g", 0, failure("ValueError", "no"));
    const states = await Promise.all(["a", "b", "end", "last"].map(async (id) => (await bench.stored(id))?.status));
    expect(states).toEqual(["FAILURE", "FAILURE", "FAILURE", "FAILURE"]);
  });

  it("ends all the same if its error callbacks cannot be sent", async () => {
    const bench = await opened();
    const outer = call("t.outer", "outer");
    const bad = call("t.body", "body", {
      link_error: [call("t.failed", "failed", { queue: "\0" })],
      group_id: "far",
      group_index: 0,
      chord: outer,
    });
    await bench.open("far", 1, outer);
    await bench.open("g", 1, bad);
    await bench.arrive("g", 0, failure("ValueError", "no"));
    expect((await bench.stored("outer"))?.status).toBe("FAILURE");
    expect(await bench.isOpen("g")).toBe(false);
    expect(bench.warnings()).toEqual(["CHORD_LOST"]);
  });

  it("is failed by another worker if the last one died over it, and its error callbacks are sent once", async () => {
    const bench = await opened();
    await bench.open("g", 1, body);
    await bench.joins.arrive([
      {
        group: "g",
        member: "m",
        index: 0,
        ttl: 60_000,
        ...(failure("ValueError", "no") as { state: "FAILURE"; value: Uint8Array }),
      },
    ]);
    const other = bench.other();
    onTestFinished(() => other.close());
    await later(bench);
    await other.drained();
    expect((await bench.stored("body"))?.status).toBe("FAILURE");
    expect(sent(bench)).toEqual(["failed"]);
  });
});

describe("a chord whose sender died before all its members were sent", () => {
  it("fails, and tells the error callbacks, when its time to send them is over", async () => {
    const bench = await opened();
    await bench.open("g", 3, { ...body, options: { ...body.options, root_id: "first" } }, 20_000);
    await bench.arrive("g", 0);
    await later(bench, 15_000);
    expect(await bench.stored("body")).toBeUndefined();
    await later(bench, 20_000);
    expect(await bench.stored("body")).toMatchObject({
      status: "FAILURE",
      result: { exc_type: "ChordError", exc_message: [expect.stringContaining("The sender of chord g was lost")] },
    });
    expect(sent(bench)).toEqual(["failed"]);
    expect(readTaskHeaders(bench.published[0]?.message ?? never()).rootId).toBe("first");
    // A member that was sent after all changes nothing.
    for (const index of [1, 2]) await bench.arrive("g", index);
    expect(sent(bench)).toEqual(["failed"]);
  });

  it("is waited for once they are", async () => {
    const bench = await opened();
    await bench.open("g", 2, body, 20_000);
    await bench.joins.seal(["g"]);
    await bench.arrive("g", 0);
    await later(bench, 60_000);
    await bench.arrive("g", 1);
    expect(sent(bench)).toEqual(["body"]);
  });
});

it.each([
  ["whose worker died over it", undefined, "FAILURE"],
  ["but not where another run of it has succeeded", "SUCCESS", undefined],
])("stores the failure of what waited for a task, %s", async (_, stands, stored) => {
  const bench = await opened();
  const result = failureMeta({ id: "t" }, { exc_type: "E", exc_message: ["no"], exc_module: "m" }, null, 7, 0, 60_000);
  await bench.commit(stands === undefined ? result : successMeta({ id: "t" }, Buffer.from("1"), [], 6, 0, 60_000));
  const { settlement, opens = [] } = withWaiters({
    ending: {
      settlement: { delivery: { fence: 7 } as never, then: { kind: "ack" }, result },
      end: { kind: "failed", ms: 1, error: "" },
      also: ["a", "b"].map((id) =>
        failureMeta({ id }, { exc_type: "E", exc_message: ["no"], exc_module: "m" }, null, 7, 0, 60_000),
      ),
    },
    execution: undefined,
  }).ending;
  await bench.joins.open(opens);
  await bench.joins.arrive(settlement.arrive ?? []);
  await later(bench);
  for (const id of ["a", "b"]) expect((await bench.stored(id))?.status).toBe(stored);
  expect(sent(bench)).toEqual([]);
  expect(await bench.isOpen(opens[0]?.group ?? "")).toBe(false);
});

it("looks after more open chords at a time than it asks for at once", async () => {
  const bench = await opened();
  const groups = Array.from({ length: 120 }, (_, index) => `g${String(index)}`);
  for (const group of groups) {
    await bench.open(group, 1, call("t.body", `body-${group}`));
    await bench.joins.arrive([
      { group, member: "m", index: 0, state: "SUCCESS", value: Buffer.from("1"), ttl: 60_000 },
    ]);
  }
  await later(bench);
  expect(new Set(sent(bench)).size).toBe(120);
});

function never(): never {
  throw new Error("nothing was sent");
}
