import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Settlement } from "../port/broker.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import type { Signature } from "../wire/signature.ts";
import { type Bench, died, flowBench, value } from "./fixtures/flow-bench.ts";

/** Settlements go out at the end of a turn, and what they set off in the next. */
async function turns(): Promise<void> {
  for (let n = 0; n < 4; n++) await turn();
}

const kinds = (bench: Bench): string[] => bench.settled.map(({ then }) => then.kind);

function step(id: string): Signature {
  return { task: "t.task", args: [], kwargs: {}, options: { task_id: id }, subtask_type: null, immutable: true };
}

describe("a task that runs at most once", () => {
  const early = { task: { ack: "early" } } as const;

  it("does not begin before the broker has let its message go, and is not marked as started", async () => {
    const bench = flowBench(early);
    const acknowledged = Promise.withResolvers<void>();
    bench.settle = async () => {
      await acknowledged.promise;
      return { kind: "settled" };
    };
    bench.deliver({});
    await turns();
    expect(bench.calls).toHaveLength(0);
    acknowledged.resolve();
    await turns();
    expect(bench.calls).toHaveLength(1);
    expect(bench.started).toEqual([]);
  });

  it("does not begin if another has its message", async () => {
    const bench = flowBench(early);
    bench.settle = () => ({ kind: "lost" });
    bench.deliver({});
    await turns();
    expect(bench.calls).toHaveLength(0);
    expect(bench.events).toMatchObject([{ type: "task:received" }, { type: "task:lost" }]);
    expect(bench.flow.slots.running.size).toBe(0);
  });

  it("is asked for again until the broker answers, and takes its slot meanwhile", async () => {
    const bench = flowBench({ ...early, slots: 1 });
    let away = true;
    bench.settle = () => {
      if (away) throw new CeleriacError("BACKEND_UNREACHABLE", "away");
      return { kind: "settled" };
    };
    bench.deliver({}, {});
    await turns();
    away = false;
    await bench.clock.advance(100);
    await turns();
    expect(bench.calls).toHaveLength(1);
  });

  it("makes no room for others while it runs", async () => {
    const bench = flowBench({ ...early, slots: 2 });
    bench.deliver({}, {});
    await turns();
    expect(bench.calls).toHaveLength(2);
    // The broker counts neither of the two any more.
    expect(bench.wanted.at(-1)).toBe(0);
    for (const { call, end } of bench.calls) end(value(call));
    await turns();
    expect(bench.wanted.at(-1)).toBe(2);
  });

  it.each(["sure", "suspect", "bystander"] as const)("fails for good when its process died (%s)", async (culprit) => {
    const bench = flowBench(early);
    bench.deliver({ id: "a" });
    await turns();
    const [{ call, end } = never()] = bench.calls;
    end(died(call, culprit));
    await turns();
    expect(bench.published).toEqual([]);
    expect(bench.committed.map(({ id, state }) => [id, state])).toEqual([["a", "FAILURE"]]);
    expect(decodeTaskMeta(bench.committed[0]?.meta ?? new Uint8Array()).result).toMatchObject({
      exc_type: "WorkerLostError",
    });
  });

  it("goes back as it was if it waited for a slot that did not come", async () => {
    const bench = flowBench({ ...early, slots: 1 });
    bench.deliver({ id: "a" }, { id: "b" });
    await turns();
    for (let passed = 0; passed < 1200; passed += 100) {
      await bench.clock.advance(100);
      bench.flow.giveBackStale();
    }
    await turns();
    expect(bench.calls).toHaveLength(1);
    expect(bench.published).toEqual([]);
    expect(kinds(bench)).toEqual(["ack", "requeue"]);
  });

  it("goes back on the queue if it never began", async () => {
    const bench = flowBench(early);
    bench.deliver({ id: "a" });
    await turns();
    const [{ call, end } = never()] = bench.calls;
    end(died(call, "bystander", false));
    await turns();
    expect(bench.committed).toEqual([]);
    expect(bench.published.map(({ message }) => message.headers["id"])).toEqual(["a"]);
  });

  it("keeps what follows until a full queue has room", async () => {
    const bench = flowBench(early);
    let full = true;
    bench.publish = () => (full ? { kind: "refused", reason: "full", detail: "full" } : { kind: "accepted" });
    bench.deliver({ embed: { callbacks: [step("next")], errbacks: null, chain: null, chord: null } });
    await turns();
    const [{ call, end } = never()] = bench.calls;
    end(value(call));
    await turns();
    expect(bench.published).toEqual([]);
    full = false;
    await bench.clock.advance(100);
    await turns();
    expect(bench.published.map(({ dedupe }) => dedupe?.id)).toEqual(["next"]);
  });
});

describe("a settlement that cannot be written", () => {
  const failing = (id: string) => (settlement: Settlement) => {
    const { message } = settlement.delivery;
    if (!("malformed" in message) && message.headers["id"] === id && settlement.then.kind !== "bury") {
      throw new CeleriacError("NOT_SERIALIZABLE", "no words for it");
    }
    return { kind: "settled" } as const;
  };

  it("holds up no other, and its message is buried", async () => {
    const bench = flowBench();
    bench.settle = failing("bad");
    bench.deliver({ id: "bad" }, { id: "good" });
    await turns();
    for (const { call, end } of bench.calls) end(value(call));
    await turns();
    const ends = bench.settled.map(({ then, result }) => `${String(result?.id)} ${then.kind} ${String(result?.state)}`);
    expect(ends.sort()).toEqual(["bad bury FAILURE", "good ack SUCCESS"]);
  });

  it("is buried too if it meant to put back what nobody here knows", async () => {
    const bench = flowBench();
    bench.settle = failing("bad");
    bench.deliver({ id: "bad", task: "t.unknown" });
    await turns();
    expect(bench.settled).toMatchObject([{ then: { kind: "bury", letter: { id: "bad", reason: "undecodable" } } }]);
  });
});

describe("the steps of a chain that will not run", () => {
  const chained = { embed: { callbacks: null, errbacks: null, chain: [step("last")], chord: null } };
  const failed = async (answer: "settled" | "lost"): Promise<Bench> => {
    const bench = flowBench();
    bench.settle = () => ({ kind: answer });
    bench.deliver(chained);
    await turns();
    const [{ call, end } = never()] = bench.calls;
    end({ slot: call.slot, k: "hard-limit", limit: 1 });
    await turns();
    return bench;
  };

  it("fail with the task before them", async () => {
    expect((await failed("settled")).committed.map(({ id, state }) => [id, state])).toEqual([["last", "FAILURE"]]);
  });

  it("do not fail by the word of a worker that has lost its lease", async () => {
    expect((await failed("lost")).committed).toEqual([]);
  });

  it("fail also when the budget of crashes is found spent before a run", async () => {
    const bench = flowBench();
    bench.deliver({
      embed: { ...chained.embed, errbacks: [step("told")] },
      more: { crashes: 3 },
    });
    await turns();
    expect(bench.settled).toMatchObject([{ then: { kind: "bury" }, follow: [{ dedupe: { id: "told" } }] }]);
    expect(bench.committed.map(({ id }) => id)).toEqual(["last"]);
  });
});

describe("time", () => {
  it("is the server's: what it says is due is not put back by a clock that lags behind", async () => {
    const bench = flowBench();
    const eta = bench.clock.now() + 3_600_000;
    bench.deliver({ eta, expires: eta + 1000, more: { claimedAt: eta } });
    await turns();
    expect(bench.calls).toHaveLength(1);
  });

  it("is the server's: a clock that runs ahead expires nothing", async () => {
    const bench = flowBench();
    const claimedAt = bench.clock.now() - 3_600_000;
    bench.deliver({ expires: claimedAt + 1000, more: { claimedAt } });
    await turns();
    expect(bench.calls).toHaveLength(1);
  });

  it("of a retry is counted from the server's now", async () => {
    const bench = flowBench({ task: { retry: { limit: 1, delay: () => 1000, jitter: 0, on: undefined, never: [] } } });
    const claimedAt = bench.clock.now() - 3_600_000;
    bench.deliver({ more: { claimedAt } });
    await turns();
    await bench.clock.advance(50);
    const [{ call, end } = never()] = bench.calls;
    end({ slot: call.slot, k: "hard-limit", limit: 1 });
    await turns();
    expect(bench.settled).toMatchObject([{ then: { kind: "replace", next: { due: claimedAt + 1050 } } }]);
  });
});

describe("what waits", () => {
  it("goes back at once when the worker stops, last first, so that the front of the queue is as it was", async () => {
    const bench = flowBench({ slots: 1 });
    bench.deliver({}, {}, {}, { more: { suspicions: 1 } });
    await turns();
    bench.flow.pause();
    await turns();
    expect(kinds(bench)).toEqual(["requeue", "requeue", "requeue"]);
    // Each is put before the others: the suspect, which must not be forgotten, then the second, then the third.
    expect(bench.settled.map(({ delivery }) => delivery.fence)).toEqual([3, 2, 4]);
    expect(bench.flow.slots.waiting).toBe(0);
  });

  it("is not started by a process that was stopped longer than its leases may last", async () => {
    const bench = flowBench({ slots: 1 });
    bench.deliver({}, {});
    await turns();
    await bench.clock.advance(600);
    const [{ call, end } = never()] = bench.calls;
    end(value(call));
    await turns();
    expect(bench.calls).toHaveLength(1);
    expect(kinds(bench).sort()).toEqual(["ack", "requeue"]);
  });

  it("is no more than the slots while tasks are long, also while an ended one is being settled", async () => {
    const bench = flowBench({ slots: 1 });
    bench.deliver({});
    await turns();
    await bench.clock.advance(400);
    bench.flow.giveBackStale();
    const answer = Promise.withResolvers<void>();
    bench.settle = async () => {
      await answer.promise;
      return { kind: "settled" };
    };
    const [{ call, end } = never()] = bench.calls;
    end(value(call));
    await turns();
    answer.resolve();
    await turns();
    expect(Math.max(...bench.wanted)).toBe(1);
  });
});

it("gives no second run to a task that asks for none after a death, whosever doing it was", async () => {
  const bench = flowBench({ task: { onCrash: "fail" } });
  bench.deliver({}, { more: { suspicions: 1 } });
  await turns();
  for (const { call, end } of bench.calls) end(died(call, "suspect"));
  await turns();
  expect(bench.settled.map(({ then }) => then.kind === "bury" && then.letter.reason)).toEqual(["crashed", "crashed"]);
});

it("asks for a soft limit by Celery's name", async () => {
  for (const error of [
    { name: "CeleriacError", code: "SOFT_TIME_LIMIT", cause: null },
    { name: "AbortError", code: "ABORT_ERR", cause: { code: "SOFT_TIME_LIMIT", stack: "", cause: null } },
  ]) {
    const bench = flowBench();
    bench.deliver({});
    await turns();
    const [{ call, end } = never()] = bench.calls;
    const wire = { message: "told to stop", stack: "", args: ["told to stop"], retryable: null, matches: [], ...error };
    end({ slot: call.slot, k: "error", error: wire as never, ms: 1 });
    await turns();
    const { result } = decodeTaskMeta(bench.settled[0]?.result?.meta ?? new Uint8Array());
    expect(result).toMatchObject({
      exc_type: "SoftTimeLimitExceeded",
      exc_module: "billiard.exceptions",
      exc_message: [],
    });
  }
});

function never(): never {
  throw new Error("nothing was run");
}

it("does not begin what was claimed before its worker was stopped and read after it was seen to turn again", async () => {
  const bench = flowBench();
  bench.deliver({});
  await turns();
  const claimedAt = bench.clock.now();
  await bench.clock.advance(600);
  bench.flow.giveBackStale();
  bench.deliver({ more: { claimedAt } });
  await bench.clock.advance(1);
  bench.deliver({});
  await turns();
  expect(bench.calls.map(({ call }) => call.id)).toEqual(["id-1", "id-3"]);
  expect(kinds(bench)).toEqual(["requeue"]);
});
