/** Rates in a worker's pipe: what begins, what goes back until when, what is asked for it. In virtual time. */

import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LimitTable } from "../driver/memory/limit-table.ts";
import type { LimitAsk, Limits } from "../port/limits.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { type Rate, type RateOptions, resolveRate } from "../task/rate.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { type Bench, type BenchOptions, flowBench, value } from "./fixtures/flow-bench.ts";

async function turns(): Promise<void> {
  for (let n = 0; n < 6; n++) await turn();
}

/** Limits as a server has them, and what it was asked. */
class Server implements Limits {
  readonly asked: (readonly LimitAsk[])[] = [];
  away = false;
  #table: LimitTable | undefined;

  readonly on = (clock: VirtualClock): Limits => {
    this.#table ??= new LimitTable(clock);
    return this;
  };

  async take(batch: readonly LimitAsk[]): ReturnType<Limits["take"]> {
    if (this.away) throw new Error("away");
    this.asked.push(batch);
    return batch.map((ask) => this.#table?.take(ask) ?? { ok: true });
  }

  async give(): Promise<void> {}

  async look(): ReturnType<Limits["look"]> {
    return [];
  }

  async places(): ReturnType<Limits["places"]> {
    return [];
  }
}

const rated = (rate: Rate | RateOptions, rest: Partial<TaskDefinition> = {}): Partial<TaskDefinition> => ({
  ...rest,
  rate: resolveRate(rate, "test"),
});

function bench(rate: Rate | RateOptions, options: BenchOptions = {}): { bench: Bench; server: Server } {
  const server = new Server();
  const slots = 10;
  return { server, bench: flowBench({ slots, task: rated(rate, options.task), limits: server.on, ...options }) };
}

/** ms from now on at which each was put back. */
const dues = (b: Bench): (number | undefined)[] =>
  b.settled.map(({ then }) =>
    then.kind === "requeue" && then.due !== undefined ? then.due - b.clock.now() : undefined,
  );

describe("a task with a rate", () => {
  it("begins as often as it may; the rest goes back to the front, each until its own moment, and nothing is counted", async () => {
    const { bench: b } = bench("10/m");
    b.deliver({}, {}, {}, {});
    await turns();
    expect(b.calls).toHaveLength(1);
    expect(b.settled.map(({ then }) => then)).toMatchObject([0, 1, 2].map(() => ({ kind: "requeue", at: "front" })));
    expect(dues(b)).toEqual([6_000, 12_000, 18_000]);
    expect(b.started).toHaveLength(1);
    expect(
      b.settled.some(({ then }) => then.kind === "requeue" && (then.crashes ?? then.suspicions) !== undefined),
    ).toBe(false);
    expect(b.flow.slots.running.size).toBe(1);
    expect(b.events.filter(({ type }) => type === "task:returned").map(({ text }) => text)).toEqual([
      "rate-limited",
      "rate-limited",
      "rate-limited",
    ]);
  });

  it("asks once for all that is to start in a turn", async () => {
    const { bench: b, server } = bench("100/s");
    b.deliver(...Array.from({ length: 8 }, () => ({})));
    await turns();
    expect(b.calls).toHaveLength(8);
    expect(server.asked.map(({ length }) => length)).toEqual([8]);
    expect(server.asked[0]?.[0]).toEqual({ kind: "rate", key: "task:t.task", limit: 100, per: 1000, burst: 100 });
  });

  it("holds no slot while it waits, so that others run", async () => {
    const { bench: b } = bench("1/h", { slots: 1 });
    b.deliver({}, {});
    await turns();
    for (const { call, end } of b.calls) end(value(call));
    await turns();
    expect(b.flow.slots.running.size).toBe(0);
    expect(b.flow.slots.waiting).toBe(0);
    // More than a minute ahead: it comes back in between, should the rate have been raised.
    expect(dues(b).filter((due) => due !== undefined)).toEqual([45_000]);
  });

  it("shares its bucket with other workers", async () => {
    const server = new Server();
    const task = rated({ limit: "2/m", burst: 2 });
    const first = flowBench({ task, limits: server.on });
    const second = flowBench({ task, limits: server.on });
    first.deliver({});
    await turns();
    second.deliver({}, {});
    await turns();
    expect([first.calls.length, second.calls.length]).toEqual([1, 1]);
  });

  it("has a bucket for each key that its messages name", async () => {
    const { bench: b, server } = bench("1/h");
    const of = (key: unknown) => ({ headers: { "celeriac.key": key } });
    b.deliver(of("a"), of("b"), of("a"), {}, {}, of(7), of("x".repeat(201)));
    await turns();
    expect(b.calls).toHaveLength(3);
    expect(server.asked[0]?.map(({ key }) => key)).toEqual([
      "task:t.task:a",
      "task:t.task:b",
      "task:t.task:a",
      "task:t.task",
      "task:t.task",
      "task:t.task",
      "task:t.task",
    ]);
  });

  it("is counted by each worker for itself if it says so, or if there is no server to ask", async () => {
    const { bench: b, server } = bench({ limit: "1/h", per: "worker" });
    b.deliver({}, {});
    await turns();
    expect([b.calls.length, server.asked.length]).toEqual([1, 0]);
    const alone = flowBench({ task: rated("1/h") });
    alone.deliver({}, {});
    await turns();
    expect(alone.calls).toHaveLength(1);
    expect(alone.settled).toHaveLength(1);
  });

  it("does not begin on a guess while the server is away, and says so once", async () => {
    const { bench: b, server } = bench("10/s");
    server.away = true;
    b.deliver({}, {});
    await turns();
    b.deliver({});
    await turns();
    expect(b.calls).toHaveLength(0);
    expect(dues(b)).toEqual([1_000, 1_000, 1_000]);
    expect(b.events.filter(({ code }) => code === "LIMITS_UNREAD")).toHaveLength(1);
    server.away = false;
    b.deliver({});
    await turns();
    expect(b.calls).toHaveLength(1);
  });

  it("is not begun if its message was lost while it was asked for", async () => {
    const server = new Server();
    const asked = Promise.withResolvers<void>();
    const limits = (clock: VirtualClock): Limits => {
      const real = server.on(clock);
      return {
        give: async () => {},
        look: async () => [],
        places: async () => [],
        take: (batch) => asked.promise.then(() => real.take(batch)),
      };
    };
    const b = flowBench({ task: rated("10/s"), limits });
    const lost = new AbortController();
    b.deliver({ more: { lost: lost.signal } });
    await turns();
    lost.abort();
    asked.resolve();
    await turns();
    expect(b.calls).toHaveLength(0);
    expect(b.settled).toHaveLength(0);
    expect(b.flow.slots.running.size).toBe(0);
    expect(b.events).toMatchObject([{ type: "task:received" }, { type: "task:lost" }]);
  });

  it("is acknowledged early only when it may begin", async () => {
    const { bench: b } = bench("1/h", { task: rated("1/h", { ack: "early" }) });
    b.deliver({ id: "a" }, { id: "b" });
    await turns();
    expect(b.calls.map(({ call }) => call.id)).toEqual(["a"]);
    expect(b.settled.map(({ then }) => then.kind).sort()).toEqual(["ack", "requeue"]);
  });
});

describe("a rate that is set from outside", () => {
  it("counts at once instead of the task's own, also for a task that has none", async () => {
    let said: string | null = "1/h";
    const { bench: b } = bench("100/s", { rateOf: () => said });
    b.deliver({}, {});
    await turns();
    expect(b.calls).toHaveLength(1);
    said = "0";
    b.deliver({}, {}, {});
    await turns();
    expect(b.calls).toHaveLength(4);
    const server = new Server();
    const plain = flowBench({ limits: server.on, rateOf: () => said });
    said = "1/h";
    plain.deliver({}, {});
    await turns();
    expect(plain.calls).toHaveLength(1);
  });

  it("changes nothing if nobody can read it", async () => {
    const { bench: b } = bench("1/h", { rateOf: () => "often" });
    b.deliver({}, {});
    await turns();
    expect(b.calls).toHaveLength(1);
  });
});

it("costs a task without a rate no question", async () => {
  const server = new Server();
  const b = flowBench({ limits: server.on });
  b.deliver({}, {});
  await turns();
  expect(b.calls).toHaveLength(2);
  expect(server.asked).toEqual([]);
});
