/** Messages on one server, results on another, and what goes wrong in between: links, stores and holders that go at the worst moment. */

import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { Begun, Ledger } from "../port/ledger.ts";
import type { Limits } from "../port/limits.ts";
import type { ResultStore } from "../port/result-store.ts";
import { placeKey } from "../task/concurrency.ts";
import { resultOf } from "../testing/conformance/rig.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { encodeEnvelope } from "../wire/envelope.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { again, embed, openApartStore } from "./fixtures/apart-store.ts";
import { type Bench, type BenchOptions, died, flowBench, value } from "./fixtures/flow-bench.ts";

async function turns(): Promise<void> {
  for (let n = 0; n < 6; n++) await turn();
}

/** In steps in which a living process is seen to turn. */
async function pass(stage: Bench, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await stage.clock.advance(50);
    stage.flow.giveBackStale();
    await turn();
  }
  await turns();
}

const rawOf = (id: string): Uint8Array =>
  Buffer.from(encodeEnvelope(makeTaskMessage({ task: "t.task", id, args: [], kwargs: {} }), "celery", "t"));

let clock: VirtualClock;
let store: ResultStore;
let ledger: Ledger;
let limits: Limits;
/** What stands between the worker and its store; tests put something in the way. */
let way: Pick<Ledger, "begin" | "take" | "renew" | "expired"> & Pick<ResultStore, "commit" | "get">;

beforeEach(async () => {
  ({ clock, store, ledger, limits } = await openApartStore());
  way = {
    begin: (starts) => ledger.begin(starts),
    take: (holds, lease) => ledger.take(holds, lease),
    renew: (holds, lease) => ledger.renew(holds, lease),
    expired: (lease, limit) => ledger.expired(lease, limit),
    commit: (batch) => store.commit(batch),
    get: (ids) => store.get(ids),
  };
});

function bench(options: BenchOptions = {}): Bench {
  const own: Ledger = {
    within: () => own,
    begin: (starts) => way.begin(starts),
    take: (holds, lease) => way.take(holds, lease),
    follows: (messages) => ledger.follows(messages),
    reopen: (marks) => ledger.reopen(marks),
    finish: (ended) => ledger.finish(ended),
    renew: (holds, lease) => way.renew(holds, lease),
    expired: (lease, limit) => way.expired(lease, limit),
    release: (holds) => ledger.release(holds),
  };
  const between: ResultStore = {
    features: store.features,
    open: (signal) => store.open(signal),
    close: () => store.close(),
    commit: (batch) => way.commit(batch),
    get: (ids) => way.get(ids),
    watch: (id, signal) => store.watch(id, signal),
    forget: (ids) => store.forget(ids),
    checkpoints: store.checkpoints,
    ledger: own,
    joins: store.joins,
  };
  return flowBench({ ...options, apart: { store: between, clock } });
}

/** Another worker begins it. */
async function elsewhere(id: string, redelivered = true): Promise<Begun | undefined> {
  const start = { id, attempt: 1, messageId: undefined, nonce: crypto.randomUUID(), worker: "other" } as const;
  return (await ledger.begin([{ ...start, redelivered, blame: "suspect" }]))[0];
}

async function fenceElsewhere(id: string): Promise<number> {
  const begun = await elsewhere(id, false);
  if (begun?.kind !== "go") throw new Error(`${id} did not begin`);
  return begun.fence;
}

/** A gate before a call: it is held until `open`. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

const stateOf = async (id: string): Promise<string | undefined> => (await store.get([id]))[0]?.state;
const kinds = (stage: Bench): string[] => stage.settled.map(({ then }) => then.kind);

describe("a task that is acknowledged before it runs, its result on another server", () => {
  const early: BenchOptions = { task: { ack: "early" } };

  it("may be begun again where its run never began and it was sent anew", async () => {
    const stage = bench(early);
    stage.deliver({ id: "a" });
    await turns();
    stage.calls[0]?.end(died(stage.calls[0].call, "bystander", false));
    await turns();
    expect(stage.published).toHaveLength(1);
    stage.deliver({ id: "a" });
    await turns();
    expect(stage.calls).toHaveLength(2);
  });

  it("is not run twice for want of a result that was not to be stored, though its acknowledgement was lost", async () => {
    const stage = bench({ task: { ack: "early", ignoreResult: true } });
    stage.deliver({ id: "a" });
    await turns();
    stage.calls[0]?.end(value(stage.calls[0].call));
    await turns();
    expect(await elsewhere("a")).toEqual({ kind: "final", outcome: undefined });
  });

  it("sends nothing on when another has begun it since", async () => {
    const stage = bench(early);
    stage.deliver({ id: "a", embed });
    await turns();
    await elsewhere("a");
    stage.calls[0]?.end(value(stage.calls[0].call));
    await turns();
    expect(await stateOf("a")).toBeUndefined();
    expect(stage.published).toEqual([]);
    expect(stage.events.map(({ type }) => type)).toContain("task:lost");
  });

  it("is acknowledged, not sent anew, where the ledger knows it to be over or a copy", async () => {
    const stage = bench(early);
    await store.commit([resultOf("done", "SUCCESS", 1, { value: 41 })]);
    await elsewhere("copy", false);
    stage.deliver({ id: "done", embed }, { id: "copy" });
    await turns();
    expect(stage.calls).toHaveLength(0);
    expect(kinds(stage)).toEqual(["ack", "ack"]);
    expect(stage.settled.flatMap(({ follow = [] }) => follow)).toMatchObject([{ dedupe: { id: "next" } }]);
  });

  it("counts nothing where its acknowledgement failed, so that it did not run", async () => {
    const stage = bench(early);
    stage.settle = () => ({ kind: "lost" });
    stage.deliver({ id: "a" });
    await turns();
    expect(stage.calls).toHaveLength(0);
    expect(await elsewhere("a")).toMatchObject({ kind: "go", suspicions: 0 });
  });
});

describe("a worker that was stopped while a start was being registered", () => {
  it.each([
    { ack: "late", calls: 0, ends: ["requeue"], why: "gives it back, for its lease may be over" },
    { ack: "early", calls: 1, ends: ["ack"], why: "runs it, for nobody else has it" },
  ] as const)("$why ($ack)", async ({ ack, calls, ends }) => {
    const { passed, open } = gate();
    way.begin = async (starts) => {
      await passed;
      return ledger.begin(starts);
    };
    const stage = bench({ task: { ack } });
    stage.deliver({ id: "a" });
    await turns();
    await clock.advance(600);
    // It has been seen to turn again by then, which says nothing about what it picked before.
    stage.flow.giveBackStale();
    open();
    await turns();
    expect(stage.calls).toHaveLength(calls);
    expect(kinds(stage)).toEqual(ends);
  });
});

describe("what intake lets no task run for, its result on another server", () => {
  it.each([
    { why: "has expired", draft: { expires: 0 }, more: {} },
    { why: "has used up its crashes", draft: {}, more: { crashes: 9 } },
    { why: "has a task that nobody here knows", draft: { task: "t.unknown" }, more: {} },
  ])("sends what follows a result that is stored, though its message $why by now", async ({ draft, more }) => {
    const stage = bench();
    await store.commit([resultOf("a", "SUCCESS", 1, { value: 41 })]);
    stage.deliver({ id: "a", embed, ...draft, more: { ...again, ...more } });
    await pass(stage, 400);
    expect(stage.settled).toMatchObject([{ then: { kind: "ack" }, follow: [{ dedupe: { id: "next" } }] }]);
    expect(await stateOf("a")).toBe("SUCCESS");
  });

  it("leaves a holder that lost only its link the time to say so", async () => {
    const fence = await fenceElsewhere("a");
    const stage = bench();
    stage.deliver({ id: "a", expires: clock.now() - 1000, more: again });
    await turns();
    await ledger.take([{ id: "a", fence, queue: "celery", raw: rawOf("a") }], 60_000);
    await pass(stage, 400);
    expect(await stateOf("a")).toBeUndefined();
    expect(kinds(stage)).toEqual(["ack"]);
    expect(await store.commit([resultOf("a", "SUCCESS", fence)])).toEqual(["stored"]);
  });

  it("may be begun by those who know its task after it was put back, for its former holder is dead", async () => {
    await elsewhere("a", false);
    const stage = bench();
    stage.deliver({ id: "a", task: "t.unknown", more: again });
    await pass(stage, 400);
    expect(kinds(stage)).toEqual(["replace"]);
    expect(await elsewhere("a", false)).toMatchObject({ kind: "go", suspicions: 1 });
  });

  it("goes back with its connection where the worker stops before it was looked at", async () => {
    await elsewhere("a", false);
    const stage = bench();
    stage.deliver({ id: "a", expires: 0, more: again });
    stage.flow.pause();
    await pass(stage, 400);
    expect(stage.settled).toEqual([]);
    await stage.flow.quiet(AbortSignal.timeout(1000));
  });
});

describe("a message that comes again while its store is away", () => {
  it("is kept until the store is back, for as a new one it would be taken for a copy", async () => {
    await elsewhere("a", false);
    let fails = 2;
    way.get = async (ids) => (fails-- > 0 ? Promise.reject(new Error("down")) : store.get(ids));
    const stage = bench();
    stage.deliver({ id: "a", more: again });
    await pass(stage, 3000);
    expect(stage.settled).toEqual([]);
    expect(stage.calls).toMatchObject([{ call: { id: "a", isolated: true } }]);
  });

  it("goes back with its connection where the worker stops meanwhile", async () => {
    await elsewhere("a", false);
    const stage = bench();
    stage.deliver({ id: "a", more: again });
    await turns();
    stage.flow.pause();
    await pass(stage, 2000);
    expect([stage.settled, stage.calls]).toEqual([[], []]);
    await stage.flow.quiet(AbortSignal.timeout(1000));
  });
});

describe("a task that ends while its store is away", () => {
  it("is kept for a quarter of an hour and more, takes the room of a new one, and is stored once", async () => {
    const stage = bench({ slots: 1 });
    stage.deliver({ id: "a" });
    await turns();
    let tries = 0;
    way.commit = async () => {
      tries++;
      return Promise.reject(new Error("down"));
    };
    stage.calls[0]?.end(value(stage.calls[0].call));
    await pass(stage, 900_000);
    expect(tries).toBeGreaterThan(100);
    expect([stage.settled, stage.wanted.at(-1)]).toEqual([[], 1]);
    way.commit = (batch) => store.commit(batch);
    await pass(stage, 2_000);
    expect([kinds(stage), await stateOf("a"), stage.calls.length]).toEqual([["ack"], "SUCCESS", 1]);
  });
});

describe("a start that is on its way to the ledger", () => {
  it("does not run where its message is lost by the time it is answered, and counts nothing", async () => {
    const stage = bench();
    const wait = gate();
    way.begin = async (starts) => {
      const answers = await ledger.begin(starts);
      await wait.passed;
      return answers;
    };
    const lost = new AbortController();
    stage.deliver({ id: "a", more: { lost: lost.signal } });
    await turns();
    lost.abort(new Error("the link is gone"));
    wait.open();
    await turns();
    expect(stage.calls).toHaveLength(0);
    expect(await elsewhere("a")).toMatchObject({ kind: "go", suspicions: 0 });
  });

  it.each([
    { who: "a task", draft: {} },
    { who: "an ending", draft: { expires: 0 } },
  ])("is marked before it is known, so that $who given back unanswered is one that comes again", async ({ draft }) => {
    const stage = bench({ leased: true });
    way.begin = () => new Promise(() => {});
    const [delivery] = stage.deliver({ id: "a", ...draft });
    await turns();
    expect(stage.started).toEqual([delivery]);
  });

  it("is not repeated for a message that is lost, or it would end the run of whoever has it", async () => {
    const stage = bench();
    const seen: string[][] = [];
    way.begin = async (starts) => {
      seen.push(starts.map(({ id }) => id));
      return seen.length === 1 ? Promise.reject(new Error("down")) : ledger.begin(starts);
    };
    const lost = new AbortController();
    stage.deliver({ id: "a", more: { lost: lost.signal } }, { id: "b" });
    await turns();
    lost.abort(new Error("the link is gone"));
    const fence = await fenceElsewhere("a");
    await pass(stage, 200);
    expect(seen).toEqual([["a", "b"], ["b"]]);
    expect(stage.calls).toMatchObject([{ call: { id: "b" } }]);
    expect(await store.commit([resultOf("a", "SUCCESS", fence)])).toEqual(["stored"]);
  });
});

describe("a copy of a task that runs elsewhere", () => {
  it("gives nobody the place that the run has", async () => {
    const begun = await elsewhere("a", false);
    if (begun?.kind !== "go") throw new Error("it did not begin");
    await ledger.take([{ id: "a", fence: begun.fence, queue: "q", raw: rawOf("a") }], 60_000);
    const key = placeKey("t.task", {});
    await limits.take([{ kind: "slots", key, limit: 1, holder: "a", claim: "there", lease: 30_000 }]);
    const stage = bench({ limits: () => limits, line: false, task: { concurrency: { limit: 1, key: undefined } } });
    stage.deliver({ id: "a", more: again });
    await turns();
    await pass(stage, 5_000);
    expect(kinds(stage)).toEqual(["ack"]);
    expect(await limits.places([key])).toEqual([{ holders: ["a"], waiting: 0 }]);
    await pass(stage, 30_000);
    expect(await limits.places([key]), "nor keeps it").toEqual([{ holders: [], waiting: 0 }]);
  });
});

describe("custody when links and stores go together", () => {
  const retrying: BenchOptions = { custodyAfter: 60_000, task: { retry: { limit: 3, delay: () => 0 } as never } };

  it("lets go of nothing whose retry went with the link", async () => {
    const stage = bench(retrying);
    stage.settle = () => ({ kind: "lost" });
    const wait = gate();
    way.take = async (holds, lease) => {
      const answers = await ledger.take(holds, lease);
      await wait.passed;
      return answers;
    };
    stage.deliver({ id: "a", more: { raw: rawOf("a") } });
    await turns();
    stage.disconnect();
    await turns();
    // The broker's copy came to another, who dropped it: it is kept here.
    expect(await elsewhere("a")).toEqual({ kind: "held" });
    stage.calls[0]?.end(died(stage.calls[0].call, "suspect"));
    await turns();
    wait.open();
    await pass(stage, 4000);
    expect(stage.published).toMatchObject([{ message: { headers: { id: "a" } } }]);
  });

  it("takes what ran when the link went as soon as the store is back, before others may begin it", async () => {
    const stage = bench({ custodyAfter: 60_000 });
    let fails = 2;
    way.take = async (holds, lease) => (fails-- > 0 ? Promise.reject(new Error("down")) : ledger.take(holds, lease));
    stage.deliver({ id: "a", more: { raw: rawOf("a") } });
    await turns();
    stage.disconnect();
    await pass(stage, 600);
    expect(stage.detached).toHaveLength(1);
    expect(await elsewhere("a")).toEqual({ kind: "held" });
  });

  it("keeps what runs here when the store was away for longer than a lease", async () => {
    const stage = bench({ custodyAfter: 60_000 });
    stage.deliver({ id: "a", more: { raw: rawOf("a") } });
    await turns();
    stage.disconnect();
    await pass(stage, 200);
    expect(stage.detached).toHaveLength(1);
    const { renew, expired } = way;
    way.renew = () => Promise.reject(new Error("down"));
    way.expired = () => Promise.reject(new Error("down"));
    await pass(stage, 10_000);
    Object.assign(way, { renew, expired });
    await pass(stage, 10_000);
    expect(stage.published).toEqual([]);
    expect(stage.calls.map(({ signal }) => signal.aborted)).toEqual([false]);
  });

  it("gives a copy the checkpoints of the run that died", async () => {
    const fence = await fenceElsewhere("a");
    await store.checkpoints?.write("a", fence, "half", Buffer.from("1"), 60_000);
    await ledger.take([{ id: "a", fence, queue: "celery", raw: rawOf("a") }], 0);
    const [given] = await ledger.expired(60_000, 1);
    const copy = makeTaskMessage({ task: "t.task", id: "a", args: [], kwargs: {} });
    const stage = bench();
    const properties = { ...copy.properties, messageId: given?.messageId ?? "" };
    stage.deliver({ more: { message: { ...copy, properties } } });
    await pass(stage, 400);
    expect(stage.calls).toMatchObject([{ call: { id: "a", isolated: true, checkpoints: [["half", "1"]] } }]);
  });
});
