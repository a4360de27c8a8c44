/** Messages on one server, results on another: what each step leaves behind, and what becomes of it when the next does not come. */

import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { Begun, Ledger } from "../port/ledger.ts";
import type { ResultStore } from "../port/result-store.ts";
import { resultOf } from "../testing/conformance/rig.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { encodeEnvelope } from "../wire/envelope.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { again, embed, openApartStore } from "./fixtures/apart-store.ts";
import { type Bench, type BenchOptions, died, flowBench, value } from "./fixtures/flow-bench.ts";

async function turns(bench: Bench): Promise<void> {
  for (let n = 0; n < 6; n++) await turn();
  // A message that comes again is looked at after a moment.
  await pass(bench, 400);
}

/** In steps in which a living process is seen to turn. */
async function pass(bench: Bench, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await bench.clock.advance(100);
    bench.flow.giveBackStale();
    await turn();
  }
  for (let n = 0; n < 6; n++) await turn();
}

let clock: VirtualClock;
let store: ResultStore;
let ledger: Ledger;

beforeEach(async () => {
  ({ clock, store, ledger } = await openApartStore());
});

const bench = (options: BenchOptions = {}): Bench => flowBench({ ...options, apart: { store, clock } });

/** Another worker begins it. */
async function elsewhere(id: string, redelivered = true): Promise<Begun | undefined> {
  const start = {
    id,
    attempt: 1,
    messageId: undefined,
    nonce: crypto.randomUUID(),
    redelivered,
    worker: "other",
  } as const;
  return (await ledger.begin([{ ...start, blame: "suspect" }]))[0];
}
const stateOf = async (id: string): Promise<string | undefined> => (await store.get([id]))[0]?.state;
const types = (stage: Bench): string[] => stage.events.map(({ type }) => type);

describe("a task whose result lies on another server", () => {
  it("begins in the ledger, commits under that fence, then is acknowledged without its result", async () => {
    const stage = bench();
    stage.deliver({ id: "a", more: { fence: 0 } });
    await turns(stage);
    const { call, end } = stage.calls[0] ?? {};
    expect(call?.fence).toBeGreaterThan(1_000_000_000_000);
    end?.(value(call as never));
    await turns(stage);
    expect(await stateOf("a")).toBe("SUCCESS");
    expect(stage.settled).toMatchObject([{ then: { kind: "ack" } }]);
    expect(stage.settled[0]).not.toHaveProperty("result");
    expect(types(stage)).toContain("task:succeeded");
  });

  it("is not started beside another of its messages, as which it was not handed out before", async () => {
    const stage = bench();
    const start = {
      id: "a",
      attempt: 1,
      messageId: "second",
      nonce: "n",
      redelivered: false,
      worker: "other",
    } as const;
    await ledger.begin([{ ...start, blame: "suspect" }]);
    stage.deliver({ id: "a", more: { ...again, formerly: ["first"] } });
    await turns(stage);
    expect(stage.settled).toMatchObject([{ then: { kind: "ack" } }]);
    expect(stage.calls).toEqual([]);
    stage.deliver({ id: "a", more: { ...again, formerly: ["first", "second"] } });
    await turns(stage);
    expect(stage.calls).toHaveLength(1);
  });

  it("is not started by a second copy of its message, nor by one that comes again while it is kept elsewhere", async () => {
    const stage = bench();
    stage.deliver({ id: "a" }, { id: "a" });
    await turns(stage);
    expect(stage.calls).toHaveLength(1);
    const other = await elsewhere("b", false);
    if (other?.kind === "go")
      await ledger.take([{ id: "b", fence: other.fence, queue: "q", raw: new Uint8Array() }], 60_000);
    stage.deliver({ id: "b", more: again });
    await turns(stage);
    expect(stage.calls).toHaveLength(1);
    expect(stage.settled.map(({ then }) => then.kind)).toEqual(["ack", "ack"]);
  });

  it("runs alone after a death that may have been its doing", async () => {
    const stage = bench();
    await elsewhere("a", false);
    stage.deliver({ id: "a", more: again });
    await turns(stage);
    expect(stage.calls).toMatchObject([{ call: { id: "a", isolated: true } }]);
  });

  it("has begun when it runs alone, and not while it waits for that", async () => {
    const stage = bench({ inline: true });
    for (const id of ["a", "b"]) {
      await elsewhere(id, false);
      stage.deliver({ id, more: again });
    }
    await turns(stage);
    expect(stage.calls).toMatchObject([{ call: { id: "a", isolated: true } }]);
    // Should this worker die now, it is the doing of the one.
    expect(await elsewhere("a")).toMatchObject({ kind: "go", crashes: 1, suspicions: 1 });
    expect(await elsewhere("b")).toMatchObject({ kind: "go", crashes: 0, suspicions: 1 });
  });

  it("goes back, and nothing is counted for that, where as many suspects as there are slots wait before it", async () => {
    const stage = bench({ slots: 2 });
    for (const id of ["a", "b", "c", "d"]) {
      await elsewhere(id, false);
      stage.deliver({ id, more: again });
    }
    await turns(stage);
    expect(stage.calls).toMatchObject([{ call: { id: "a", isolated: true } }]);
    expect(stage.settled).toMatchObject([
      {
        delivery: { message: { headers: { id: "d" } } },
        then: { kind: "requeue", due: expect.any(Number) as unknown },
      },
    ]);
    // A copy of what stands as begun would not go, and a start that died would be counted.
    expect(await elsewhere("d", false)).toMatchObject({ kind: "go", crashes: 0, suspicions: 1 });
  });

  it("is buried when the ledger has counted as many crashes as it may have", async () => {
    const stage = bench({ task: { crashes: 2 } });
    const start = { id: "a", attempt: 1, messageId: undefined, worker: "other", blame: "sure" } as const;
    await ledger.begin([{ ...start, nonce: "1", redelivered: false }]);
    await ledger.begin([{ ...start, nonce: "2", redelivered: true }]);
    stage.deliver({ id: "a", more: again });
    await turns(stage);
    expect(stage.calls).toHaveLength(0);
    expect(stage.settled).toMatchObject([{ then: { kind: "bury", letter: { reason: "crashed" } } }]);
    expect(await stateOf("a")).toBe("FAILURE");
  });

  it("leaves nothing behind when another has begun it since, and gives its message back, which took a worker's room for ever", async () => {
    const stage = bench();
    stage.deliver({ id: "a", embed });
    await turns(stage);
    await elsewhere("a");
    stage.calls[0]?.end(value(stage.calls[0].call));
    await turns(stage);
    expect(await stateOf("a")).toBeUndefined();
    expect([stage.settled.map(({ then }) => then), stage.published]).toEqual([[{ kind: "requeue", at: "front" }], []]);
    expect(types(stage)).toContain("task:lost");
  });

  it("sends on the outcome that stands, not its own", async () => {
    const stage = bench();
    stage.deliver({ id: "a", embed });
    await turns(stage);
    await store.commit([resultOf("a", "SUCCESS", stage.calls[0]?.call.fence ?? 0, { value: "theirs" })]);
    stage.calls[0]?.end(value(stage.calls[0].call, '"ours"'));
    await turns(stage);
    const [settlement] = stage.settled;
    expect(Buffer.from(settlement?.follow?.[0]?.message.body ?? []).toString()).toContain("theirs");
    expect(settlement?.then).toEqual({ kind: "ack" });
  });

  it("gives a former holder its moment without keeping others out, or a line of them would pass a slot one by one", async () => {
    const stage = bench({ slots: 2 });
    for (const id of ["a", "b", "c"]) {
      stage.deliver({ id, more: again });
      await turn();
    }
    // Twice the slots at most, and no more than there are of them.
    expect(stage.wanted).toEqual([2, 3, 4]);
    await turns(stage);
    expect([stage.calls.map(({ call }) => call.id), stage.wanted.at(-1)]).toEqual([["a", "b"], 2]);
  });

  it("is not run when it comes again with its result stored; what follows is sent again", async () => {
    const stage = bench();
    await store.commit([resultOf("a", "SUCCESS", 1, { value: 41 })]);
    stage.deliver({ id: "a", embed, more: again });
    await turns(stage);
    expect(stage.calls).toHaveLength(0);
    expect(stage.settled).toMatchObject([{ then: { kind: "ack" }, follow: [{ dedupe: { id: "next" } }] }]);
  });

  it("sends what follows though its message went with the link, for its result is stored", async () => {
    const stage = bench();
    stage.settle = (settlement) =>
      stage.detached.includes(settlement.delivery) ? { kind: "settled" } : { kind: "lost" };
    stage.deliver({ id: "a", embed });
    await turns(stage);
    stage.calls[0]?.end(value(stage.calls[0].call));
    await turns(stage);
    expect(stage.settled.filter(({ follow }) => follow !== undefined)).toHaveLength(2);
    expect(stage.detached).toHaveLength(1);
    expect(types(stage)).toContain("task:succeeded");
  });

  it("is not run again for want of a result that was not to be stored", async () => {
    const stage = bench({ task: { ignoreResult: true } });
    stage.deliver({ id: "a" });
    await turns(stage);
    stage.calls[0]?.end(value(stage.calls[0].call));
    await turns(stage);
    expect(await stateOf("a")).toBeUndefined();
    stage.deliver({ id: "a", more: again });
    await turns(stage);
    expect(stage.calls).toHaveLength(1);
    expect(stage.settled.map(({ then }) => then.kind)).toEqual(["ack", "ack"]);
  });

  it("may be begun anew once it was put back, and nothing is counted for that", async () => {
    const stage = bench();
    stage.deliver({ id: "a" });
    await turns(stage);
    stage.calls[0]?.end(died(stage.calls[0].call, "bystander"));
    await turns(stage);
    expect(stage.settled).toMatchObject([{ then: { kind: "requeue" } }]);
    stage.deliver({ id: "a" });
    await turns(stage);
    expect(stage.calls).toMatchObject([{}, { call: { id: "a", isolated: false } }]);
  });

  it("does not expire while it runs elsewhere", async () => {
    const stage = bench();
    const other = await elsewhere("a", false);
    if (other?.kind === "go")
      await ledger.take([{ id: "a", fence: other.fence, queue: "q", raw: new Uint8Array() }], 60_000);
    stage.deliver({ id: "a", expires: clock.now() - 1000, more: again });
    await turns(stage);
    expect(await stateOf("a")).toBeUndefined();
    expect(stage.settled.map(({ then }) => then.kind)).toEqual(["ack"]);
  });
});

describe("a run that outlasts the broker", () => {
  const raw = Buffer.from(
    encodeEnvelope(makeTaskMessage({ task: "t.task", id: "a", args: [], kwargs: {} }), "celery", "t"),
  );
  const long = { id: "a", more: { raw } };

  it("is taken into the ledger when it has run long, renewed, and let go when it ends", async () => {
    const stage = bench({ custodyAfter: 1000 });
    stage.deliver(long);
    await turns(stage);
    expect(stage.detached).toEqual([]);
    await pass(stage, 2000);
    expect(stage.detached).toHaveLength(1);
    await pass(stage, 20_000);
    expect((await ledger.expired(1000, 10)).length).toBe(0);
    stage.calls[0]?.end(value(stage.calls[0].call));
    await turns(stage);
    expect(await stateOf("a")).toBe("SUCCESS");
    await pass(stage, 20_000);
    expect(stage.published).toEqual([]);
  });

  it("is taken at once when the link goes, and told to stop if another was quicker", async () => {
    const stage = bench({ custodyAfter: 60_000 });
    stage.deliver(long, { id: "b", more: { raw } });
    await turns(stage);
    await elsewhere("b");
    stage.disconnect();
    await turns(stage);
    expect(stage.detached).toMatchObject([{ message: { headers: { id: "a" } } }]);
    expect(stage.calls.map(({ signal }) => signal.aborted)).toEqual([false, true]);
    const back = { delivery: { message: { headers: { id: "b" } } }, then: { kind: "requeue", at: "front" } };
    expect(stage.settled, "where its link stands after all").toMatchObject([back]);
  });

  it("never takes what runs at most once", async () => {
    const stage = bench({ custodyAfter: 1000, task: { ack: "early" } });
    stage.deliver(long);
    await turns(stage);
    await pass(stage, 5000);
    expect(stage.calls).toHaveLength(1);
    expect(stage.detached).toEqual([]);
  });

  it("is given back by any worker when its own is gone, and counts as a suspicion", async () => {
    const other = await elsewhere("a", false);
    if (other?.kind !== "go") throw new Error("it begins");
    await ledger.take([{ id: "a", fence: other.fence, queue: "celery", raw }], 1000);
    const stage = bench({ custodyAfter: 1000 });
    await pass(stage, 2000);
    expect(stage.published).toMatchObject([{ queue: "celery", message: { headers: { id: "a" } } }]);
    const messageId = stage.published[0]?.message.properties.messageId ?? "";
    const copy = makeTaskMessage({ task: "t.task", id: "a", args: [], kwargs: {} });
    stage.deliver({ more: { message: { ...copy, properties: { ...copy.properties, messageId } } } });
    await turns(stage);
    expect(stage.calls).toMatchObject([{ call: { id: "a", isolated: true } }]);
  });
});
