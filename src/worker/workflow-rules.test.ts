/** What the end of a task means to those that wait for it: the rest of its chain, and the chord that it is a member of. */

import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { chainOf, chordOf, groupOf } from "../canvas/composite.ts";
import type { PoolOutcome } from "../pool/pool.ts";
import type { Settlement } from "../port/broker.ts";
import type { Joins } from "../port/joins.ts";
import { readException } from "../wire/exception.ts";
import { parseJson } from "../wire/json.ts";
import type { Message } from "../wire/message.ts";
import type { Signature } from "../wire/signature.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { openApartStore } from "./fixtures/apart-store.ts";
import { call } from "./fixtures/chord-bench.ts";
import { type Bench, type BenchOptions, flowBench, value } from "./fixtures/flow-bench.ts";
import { turnIn } from "./turn.ts";

async function turns(): Promise<void> {
  for (let n = 0; n < 8; n++) await turn();
}

const none = { callbacks: null, errbacks: null, chain: null, chord: null };
/** A member of a chord. */
const member = { id: "m", group: "g", groupIndex: 0, embed: { ...none, chord: call("t.body", "body") } };
/** Followed by a chord whose body is the member of another. */
const last = call("t.body", "inner-body", { group_id: "g", group_index: 2, chord: call("t.body", "body") });
const inner = chordOf(groupOf([call("t.a", "a"), call("t.b", "b")], { task_id: "inner" }), last);
const waited = { id: "first", embed: { ...none, chain: [call("t.last", "z"), inner, call("t.next", "y")] } };

type Draft = Parameters<Bench["deliver"]>[0];

async function run(draft: Draft, outcome: (slot: number) => PoolOutcome, options: BenchOptions = {}): Promise<Bench> {
  const bench = flowBench(options);
  bench.deliver(draft);
  await turns();
  for (const { call: asked, end } of bench.calls) end(outcome(asked.slot));
  await turns();
  return bench;
}

/** `member state` of each, by the settlement that ended it. */
function arrived({ settled }: Bench): readonly string[] {
  return settled.flatMap(({ arrive }: Settlement) =>
    (arrive ?? []).map(({ group, member: id, index, state, value: bytes }) => {
      const said = state === "SUCCESS" ? "" : ` ${readException(parseJson(bytes)).type}`;
      return `${group}[${String(index)}] ${id} ${state}${said}`;
    }),
  );
}

function failedIds({ committed }: Bench): readonly string[] {
  return committed.map(({ id, state }) => `${id} ${state}`).sort();
}

const control =
  (what: "ignore" | "replace" | "retry", detail: unknown) =>
  (slot: number): PoolOutcome => ({
    slot,
    k: "control",
    what,
    detail,
    ms: 1,
  });
const limit = (slot: number): PoolOutcome => ({ slot, k: "hard-limit", limit: 1000 });
const success = (slot: number): PoolOutcome => value({ slot } as Parameters<typeof value>[0]);

describe("a member of a chord", () => {
  it.each([
    ["succeeds", success, "SUCCESS"],
    ["fails", limit, "FAILURE TimeLimitExceeded"],
    ["asks to store nothing", control("ignore", null), "FAILURE Ignore"],
  ])("arrives when it %s", async (_, outcome, said) => {
    expect(arrived(await run(member, outcome))).toEqual([`g[0] m ${said}`]);
  });

  it("arrives though its result is stored nowhere", async () => {
    const bench = await run(member, success, { task: { ignoreResult: true } });
    expect(bench.settled.map(({ result }) => result)).toEqual([undefined]);
    expect(arrived(bench)).toEqual(["g[0] m SUCCESS"]);
  });

  it("does not arrive with a try that is followed by another", async () => {
    const bench = await run(member, control("retry", { delay: 0 }));
    expect(bench.settled.map(({ then }) => then.kind)).toEqual(["replace"]);
    expect(arrived(bench)).toEqual([]);
  });

  it.each([
    ["came too late", { expires: 1 }, "REVOKED TaskRevokedError"],
    [
      "is of a kind that nobody may open",
      { spoiled: { contentType: "application/x-pickle" } },
      "FAILURE ContentDisallowed",
    ],
    ["has a body that nobody can read", { spoiled: { body: Buffer.from("[1,") } }, "FAILURE DecodeError"],
    ["was there at too many deaths", { crashes: 99 }, "FAILURE WorkerLostError"],
  ])("arrives without a run when it %s", async (_, how, said) => {
    const bench = flowBench();
    await bench.clock.advance(10);
    const { expires, crashes = 0, spoiled } = how as { expires?: number; crashes?: number; spoiled?: Partial<Message> };
    const message = { ...makeTaskMessage({ task: "t.task", args: [], kwargs: {}, ...member, expires }), ...spoiled };
    bench.deliver({ ...member, more: { crashes, message } });
    await turns();
    expect(bench.calls).toHaveLength(0);
    expect(arrived(bench)).toEqual([`g[0] m ${said}`]);
  });

  it("arrives when it would have been put back and cannot be", async () => {
    const bench = flowBench();
    bench.settle = ({ then }) => {
      if (then.kind !== "bury") throw new RangeError("no words for it");
      return { kind: "settled" };
    };
    bench.deliver({ ...member, task: "t.unknown" });
    await turns();
    expect(arrived(bench)).toEqual(["g[0] m FAILURE DecodeError"]);
  });

  it("arrives if it was finished before with a result that nobody here can read", async () => {
    const { clock, store } = await openApartStore();
    const bench = flowBench({ apart: { clock, store } });
    const meta = Buffer.from('{"status":"SUCCESS","result":NaN,"task_id":"m"}');
    await store.commit([{ id: "m", state: "SUCCESS", final: true, fence: 1, meta, ttl: 60_000 }]);
    await open(store.joins);
    bench.deliver({ ...member, more: { redelivered: true } });
    for (let n = 0; n < 10; n++) {
      await bench.clock.advance(100);
      await turns();
    }
    expect(bench.settled.map(({ then }) => then.kind)).toEqual(["bury"]);
    expect(await states(store.joins)).toEqual(["m FAILURE"]);
  });
});

describe("what waits for a task", () => {
  it("fails with it: the rest of its chain, chords in it, and the chord that the last of these is a member of", async () => {
    const bench = await run(waited, limit);
    expect(failedIds(bench)).toEqual(["a", "b", "inner-body", "y", "z"].map((id) => `${id} FAILURE`));
    expect(arrived(bench)).toEqual(["g[2] inner-body FAILURE TimeLimitExceeded"]);
  });

  it("is revoked with one that came too late", async () => {
    const bench = flowBench();
    await bench.clock.advance(10);
    bench.deliver({ ...waited, expires: 1 });
    await turns();
    expect(failedIds(bench)).toContain("z REVOKED");
    expect(arrived(bench)).toEqual(["g[2] inner-body REVOKED TaskRevokedError"]);
  });

  it("fails with one that asks to store nothing", async () => {
    const bench = await run(waited, control("ignore", null));
    expect(failedIds(bench)).toHaveLength(5);
    expect(arrived(bench)).toEqual(["g[2] inner-body FAILURE Ignore"]);
  });

  /** A list of steps that is none. */
  const unreadable: Signature = { ...chainOf([]), kwargs: { tasks: [1] } };
  const hostile = { id: "first", embed: { ...none, chain: [call("t.last", "z"), unreadable] } };

  it.each([
    ["ends", success],
    ["fails", limit],
  ])("fails if nobody can read the step after a task that %s, whose message is kept", async (_, outcome) => {
    const bench = await run(hostile, outcome);
    expect(failedIds(bench)).toEqual(["z FAILURE"]);
    expect(bench.settled.map(({ then }) => then.kind)).toEqual([outcome === success ? "bury" : "ack"]);
  });

  it("is revoked if nobody can read the step after a task that came too late", async () => {
    const bench = flowBench();
    await bench.clock.advance(10);
    bench.deliver({ ...hostile, expires: 1 });
    await turns();
    expect(failedIds(bench)).toEqual(["z REVOKED"]);
  });
});

describe("a task that is replaced by a workflow", () => {
  const workflow = chainOf([call("t.task", "x"), call("t.task", "w")]);
  const pair = chainOf([
    { ...call("t.task", ""), options: {} },
    { ...call("t.task", ""), options: {} },
  ]);

  it("arrives nowhere and stores nothing: the last of the workflow does, under its id", async () => {
    const bench = await run(member, control("replace", workflow));
    expect(arrived(bench)).toEqual([]);
    expect(bench.settled).toMatchObject([{ then: { kind: "ack" }, follow: [{ message: { headers: { id: "x" } } }] }]);
  });

  it.each([
    ["an early one", { task: { ack: "early" } } as const],
    ["one whose result lies elsewhere", {}],
  ])("leaves its id free for the last of the workflow, where a ledger knows it: %s", async (_, options) => {
    const { clock, store, ledger } = await openApartStore();
    const bench = await run({ id: "m" }, control("replace", pair), { ...options, apart: { clock, store } });
    const sent = [...bench.published, ...bench.settled.flatMap(({ follow }) => follow ?? [])];
    expect(sent).toHaveLength(1);
    const start = {
      id: "m",
      messageId: "another",
      redelivered: false,
      worker: "w",
      blame: "suspect",
    } as const;
    const last = { ...start, ...turnIn({ replaced_task_nesting: 1 }), nonce: "n" };
    expect(await ledger.begin([{ ...start, ...turnIn({}), nonce: "sent twice" }, last])).toMatchObject([
      { kind: "stale" },
      { kind: "go", crashes: 0, suspicions: 0 },
    ]);
  });

  it("is kept by the ledger if the link went before what replaces it was sent", async () => {
    const { clock, store, ledger } = await openApartStore();
    const released: string[] = [];
    const watched = { ...store, ledger: watching(ledger, released) };
    const bench = flowBench({ apart: { clock, store: watched as never }, custodyAfter: 100 });
    bench.settle = () => ({ kind: "lost" });
    bench.deliver({ id: "m" });
    await turns();
    for (let n = 0; n < 10; n++) {
      await bench.clock.advance(50);
      await turns();
    }
    expect(bench.detached).toHaveLength(1);
    for (const { call: asked, end } of bench.calls) end(control("replace", pair)(asked.slot));
    await turns();
    expect(released).toEqual([]);
  });
});

describe("an early task whose follow-up cannot be sent", () => {
  it("arrives at its chord all the same", async () => {
    const { clock, store } = await openApartStore();
    await open(store.joins);
    const bench = flowBench({ apart: { clock, store }, task: { ack: "early" } });
    bench.publish = () => ({ kind: "refused", reason: "too-large", detail: "too large" });
    bench.deliver({ ...member, embed: { ...member.embed, callbacks: [call("t.next", "next")] } });
    await turns();
    for (const { call: asked, end } of bench.calls) end(success(asked.slot));
    await turns();
    expect(await states(store.joins)).toEqual(["m FAILURE"]);
  });
});

async function open(joins: Joins | undefined): Promise<void> {
  await joins?.open([{ group: "g", size: 2, body: Buffer.from(JSON.stringify(member.embed.chord)), ttl: 60_000 }]);
}

async function states(joins: Joins | undefined): Promise<readonly string[]> {
  return ((await joins?.members("g", 0, 10)) ?? []).map(({ member: id, state }) => `${id} ${state}`);
}

/** The same ledger; what it lets go of is written down. */
function watching<L extends object>(ledger: L, released: string[]): L {
  return new Proxy(ledger, {
    get(target, key) {
      const found: unknown = Reflect.get(target, key, target);
      if (typeof found !== "function") return found;
      return (...args: unknown[]) => {
        if (key === "release") released.push(...(args[0] as { id: string }[]).map(({ id }) => id));
        return (found as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}
