/** What lies in the file after each way a task can end: nothing that nobody will ever remove. And that a former holder removes nothing. */

import { DatabaseSync } from "node:sqlite";

import { afterEach, expect, it } from "vitest";

import type { Consumer, Delivery, Settlement } from "../../port/broker.ts";
import { Bench, consuming, idOf, never, outgoing, until } from "./fixtures/harness.ts";
import { makeServer } from "./fixtures/suite-file.ts";
import type { SqliteBackend } from "./index.ts";
import { inlineBytes } from "./schema.ts";

const bench = new Bench();
afterEach(() => bench.clear());

function counts(path: string): Record<string, number> {
  const db = new DatabaseSync(path);
  try {
    return Object.fromEntries(
      ["task", "large", "attempt", "dead", "result"].map((table) => [
        table,
        Number(db.prepare(`SELECT count(*) AS n FROM celeriac_${table}`).get()?.["n"]),
      ]),
    );
  } finally {
    db.close();
  }
}

async function consume(
  backend: SqliteBackend,
  want: number,
): Promise<{ consumer: Consumer; next: () => Promise<Delivery> }> {
  const came: Delivery[] = [];
  const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void came.push(...batch));
  consumer.want(want, want);
  let taken = 0;
  return {
    consumer,
    async next() {
      await until("a delivery", () => came.length > taken);
      const delivery = came[taken++];
      if (delivery === undefined) throw new Error("no delivery");
      return delivery;
    },
  };
}

const text = (delivery: Delivery): string =>
  "malformed" in delivery.message ? "malformed" : Buffer.from(delivery.message.body).toString();

it.each([0, 1, inlineBytes, inlineBytes + 1, 300_000])(
  "carries %i bytes through every turn a task can take",
  async (size) => {
    const path = bench.file();
    const backend = await bench.open(path);
    const body = "b".repeat(size);
    const large = size > inlineBytes ? 1 : 0;
    await backend.broker.publish([outgoing("q", "a", body)], never);
    expect(counts(path)).toMatchObject({ task: 1, large });
    const { consumer, next } = await consume(backend, 1);
    const end = async (then: Settlement["then"]): Promise<void> => {
      const delivery = await next();
      expect(text(delivery)).toBe(body);
      expect(await consumer.settle([{ delivery, then }])).toEqual([{ kind: "settled" }]);
    };
    await end({ kind: "requeue", at: "front" });
    await end({ kind: "requeue", at: "back" });
    await end({ kind: "replace", next: outgoing("q", "a", "small") });
    const small = await next();
    expect([text(small), counts(path)["large"]]).toEqual(["small", 0]);
    await consumer.settle([{ delivery: small, then: { kind: "replace", next: outgoing("q", "a", body) } }]);
    const last = await next();
    const letter = {
      key: "",
      id: "a",
      task: "test.task",
      queue: "q",
      reason: "rejected",
      at: 1,
      raw: last.raw,
      attempts: [],
      detail: "",
    } as const;
    await consumer.settle([{ delivery: last, then: { kind: "bury", letter } }]);
    expect(counts(path)).toEqual({ task: 0, large: 0, attempt: 0, dead: 1, result: 0 });
    const { items } = await backend.broker.dead.list({}, undefined, 1);
    expect(Buffer.from(items[0]?.raw ?? []).equals(Buffer.from(last.raw))).toBe(true);
    expect(await backend.broker.dead.redrive(items.map(({ key }) => key))).toBe(1);
    await end({ kind: "ack" });
    expect(counts(path)).toEqual({ task: 0, large: 0, attempt: 0, dead: 0, result: 0 });
  },
);

it("purges bodies with their tasks", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  const body = "b".repeat(10_000);
  await backend.broker.publish(
    [outgoing("q", "a", body), { ...outgoing("q", "b", body), due: Date.now() + 60_000 }],
    never,
  );
  expect(counts(path)).toMatchObject({ task: 2, large: 2 });
  expect(await backend.broker.queues.purge("q", { ready: true, delayed: true })).toBe(2);
  expect(counts(path)).toMatchObject({ task: 0, large: 0 });
});

it("keeps records of attempts as long as the task is there, and no longer", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  await backend.broker.publish([outgoing("q", "a")], never);
  const { consumer, next } = await consume(backend, 1);
  const value = { worker: "w", pid: 1, started: 1, ended: 2, exit: undefined, stderrTail: "", error: "no" };
  for (let attempt = 1; attempt <= 25; attempt++) {
    const record = { ...value, attempt };
    await consumer.settle([{ delivery: await next(), then: { kind: "replace", next: outgoing("q", "a") }, record }]);
  }
  expect(counts(path)).toMatchObject({ task: 1, attempt: 20 });
  await consumer.settle([{ delivery: await next(), then: { kind: "ack" } }]);
  expect(counts(path)).toMatchObject({ task: 0, attempt: 0 });
});

it("removes nothing for a former holder that acknowledges, and stores nothing for it", async () => {
  const server = await makeServer(false)();
  const [former, other] = [await server.open(), await server.open()];
  try {
    await former.broker.publish([outgoing("q", "a")], never);
    const mine: Delivery[] = [];
    const options = { ...consuming, ...server.timing, queues: ["q"] };
    const consumer = await former.broker.consume(options, (batch) => void mine.push(...batch));
    consumer.want(1, 1);
    await until("the delivery", () => mine.length === 1);
    await former.freeze?.();
    const theirs: Delivery[] = [];
    const rival = await other.broker.consume(options, (batch) => void theirs.push(...batch));
    rival.want(1, 1);
    await until("the delivery to be taken over", () => theirs.length === 1);
    const [stale, held] = [mine[0], theirs[0]];
    if (stale === undefined || held === undefined) throw new Error("no delivery");
    const settle = (by: Consumer, delivery: Delivery): ReturnType<Consumer["settle"]> => {
      const meta = Buffer.from(`{"fence":${delivery.fence}}`);
      const result = { id: "a", state: "SUCCESS", final: true, fence: delivery.fence, ttl: undefined, meta };
      return by.settle([{ delivery, then: { kind: "ack" }, result, follow: [outgoing("next", `${delivery.fence}`)] }]);
    };
    expect(await settle(consumer, stale)).toEqual([{ kind: "lost" }]);
    expect(await other.store.get(["a"])).toEqual([undefined]);
    expect(await settle(rival, held)).toEqual([{ kind: "settled" }]);
    expect(Buffer.from((await other.store.get(["a"]))[0]?.meta ?? []).toString()).toBe(`{"fence":${held.fence}}`);
    const sent = await other.broker.queues.browse("next", "ready", undefined, 10);
    expect(sent.items).toHaveLength(1);
    expect(idOf(held)).toBe("a");
  } finally {
    await former.close();
    await other.close();
    await server.close();
  }
});

it("lines up what became due in the order of its times, behind what was waiting already", async () => {
  const backend = await bench.open(bench.file());
  const due = Date.now() + 100;
  await backend.broker.publish(
    [3, 1, 2].map((n) => ({ ...outgoing("q", `due${n}`, "b".repeat(3_000)), due: due + n })),
    never,
  );
  await backend.broker.publish([outgoing("q", "waiting")], never);
  await until("all to be due", () => Date.now() > due + 3);
  const { consumer, next } = await consume(backend, 0);
  await until("all to be ready", async () => (await backend.broker.queues.list())[0]?.ready[0]?.count === 4);
  consumer.want(4, 4);
  const came = [await next(), await next(), await next(), await next()];
  expect(came.map(idOf)).toEqual(["waiting", "due1", "due2", "due3"]);
});
