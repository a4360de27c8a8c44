/** Several real processes on one file: killed, stopped, racing for the same work. */

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { afterEach, expect, it } from "vitest";

import { systemClock } from "../../clock/clock.ts";
import type { Delivery } from "../../port/broker.ts";
import { Bench, consuming, idOf, never, outgoing, until } from "./fixtures/harness.ts";

const bench = new Bench();
afterEach(() => bench.clear());

function ids(path: string): string[] {
  const db = new DatabaseSync(path);
  try {
    expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    return db
      .prepare("SELECT id FROM celeriac_task ORDER BY seq")
      .all()
      .map((row) => String(row["id"]));
  } finally {
    db.close();
  }
}

it("keeps every accepted message, and whole calls only, however often a publisher is killed", async () => {
  const path = bench.file();
  const accepted: string[] = [];
  for (let round = 0; round < 4; round++) {
    const publisher = await bench.process(path);
    publisher.send({ do: "flood", queue: "q", stem: `r${round}`, size: 20 });
    await publisher.wait("published", 5 + round * 7);
    await publisher.kill();
    accepted.push(...publisher.reports.flatMap((report) => (report.t === "published" ? report.ids : [])));
  }
  const stored = ids(path);
  expect(new Set(stored).size).toBe(stored.length);
  expect(accepted.filter((id) => !stored.includes(id))).toEqual([]);
  expect(stored.length % 20).toBe(0);
});

it("ignores what a process had not committed when it was killed inside a transaction", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  const holder = await bench.process(path);
  holder.send({ do: "lock", path });
  await holder.wait("locked");
  const publishing = backend.broker.publish([outgoing("q", "a")], never);
  await systemClock.sleep(50, never);
  await holder.kill();
  expect(await publishing).toEqual([{ kind: "accepted" }]);
  expect((await backend.broker.queues.list()).map(({ name }) => name)).toEqual(["q"]);
});

it("names the process that keeps the lock, and goes on when it is gone", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  const holder = await bench.process(path);
  holder.send({ do: "lock", path });
  await holder.wait("locked");
  holder.child.kill("SIGSTOP");
  const error = await backend.broker.publish([outgoing("q", "a")], never).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "DATABASE_BUSY" });
  // The system tells who holds a lock only in /proc.
  const named = process.platform === "linux" ? [holder.pid] : [];
  expect(error).toMatchObject({ details: { pids: named } });
  // Reading goes on all the while.
  expect(await backend.store.get(["a"])).toEqual([undefined]);
  await holder.kill();
  expect(await backend.broker.publish([outgoing("q", "a")], never)).toEqual([{ kind: "accepted" }]);
});

it("gives each message to one of several processes", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  const workers = await Promise.all([bench.process(path), bench.process(path), bench.process(path)]);
  for (const worker of workers) worker.send({ do: "consume", queue: "q", want: 10, lease: 30_000, ack: true });
  await Promise.all(workers.map((worker) => worker.wait("consuming")));
  const sent = Array.from({ length: 900 }, (_, index) => `m${index}`);
  for (let from = 0; from < sent.length; from += 30) {
    await backend.broker.publish(
      sent.slice(from, from + 30).map((id) => outgoing("q", id)),
      never,
    );
  }
  const settled = (): number =>
    workers
      .flatMap((worker) => worker.reports)
      .reduce(
        (sum, report) => sum + (report.t === "settled" ? report.kinds.filter((kind) => kind === "settled").length : 0),
        0,
      );
  await until("all to be settled", () => settled() === sent.length);
  expect(workers.flatMap((worker) => worker.delivered()).toSorted()).toEqual(sent.toSorted());
  expect(workers.every((worker) => worker.delivered().length > 0)).toBe(true);
  expect(ids(path)).toEqual([]);
});

it("wakes an idle process by its bell, without the slow look", async () => {
  const path = bench.file();
  // No timer of this one ever ends, so it looks when it is told to and at no other time.
  const silent = (): Disposable => ({ [Symbol.dispose]() {} });
  const backend = bench.make(path, "?thread=false", { ...systemClock, every: silent, after: silent });
  await backend.open(never);
  const came: Delivery[] = [];
  const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void came.push(...batch));
  consumer.want(20, 20);
  const publisher = await bench.process(path);
  for (let index = 1; index <= 20; index++) {
    publisher.send({ do: "publish", queue: "q", ids: [`${index}`] });
    await until("the bell", () => came.length === index);
  }
});

it("gives a killed process's tasks to another at once, though the lease is minutes", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  await backend.broker.publish([outgoing("q", "begun"), outgoing("q", "held")], never);
  const worker = await bench.process(path);
  worker.send({ do: "consume", queue: "q", want: 2, lease: 600_000, ack: false, blame: "suspect" });
  await until("both", () => worker.delivered().length === 2);
  await until("the mark of the start", () => {
    const db = new DatabaseSync(path);
    const row = db.prepare("SELECT count(started) AS n FROM celeriac_task").get();
    db.close();
    return row?.["n"] === 2;
  });
  const came: Delivery[] = [];
  const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void came.push(...batch));
  consumer.want(5, 5);
  await worker.kill();
  await until("both again", () => came.length === 2);
  expect(came.map((delivery) => [idOf(delivery), delivery.redelivered, delivery.suspicions])).toEqual([
    ["begun", true, 1],
    ["held", true, 1],
  ]);
  expect(bench.directoryOf(path).filter((name) => name.includes(`-bell.${worker.pid}.`))).toEqual([]);
});

it("lets a stopped process lose its task, and says so when it goes on", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  await backend.broker.publish([outgoing("q", "a")], never);
  const worker = await bench.process(path);
  worker.send({ do: "consume", queue: "q", want: 1, lease: 3_000, ack: false, blame: "suspect" });
  await worker.wait("delivered");
  worker.child.kill("SIGSTOP");
  const came: Delivery[] = [];
  const consumer = await backend.broker.consume({ ...consuming, queues: ["q"], sweep: 200 }, (batch) => {
    came.push(...batch);
  });
  consumer.want(1, 1);
  await until("the task to come back", () => came.length === 1);
  worker.child.kill("SIGCONT");
  worker.send({ do: "settle" });
  expect((await worker.wait("settled")).kinds).toEqual(["lost"]);
  const [delivery] = came;
  if (delivery === undefined) throw new Error("no delivery");
  expect(await consumer.settle([{ delivery, then: { kind: "ack" } }])).toEqual([{ kind: "settled" }]);
});

it("ends a process whose main thread stands still, and gives its tasks away", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  await backend.broker.publish([outgoing("q", "blocked")], never);
  const worker = await bench.process(path);
  worker.send({ do: "consume", queue: "q", want: 1, lease: 60_000, ack: false, blame: "sure", stallLimit: 8_000 });
  await worker.wait("delivered");
  worker.send({ do: "spin" });
  await until("its end", () => worker.exit !== undefined);
  expect(worker.exit).toBe("SIGKILL");
  expect(worker.stderr).toContain("WORKER_STALLED");
  const came: Delivery[] = [];
  const consumer = await backend.broker.consume({ ...consuming, queues: ["q"] }, (batch) => void came.push(...batch));
  consumer.want(1, 1);
  await until("the task to come back", () => came.length === 1);
  expect(came[0]).toMatchObject({ redelivered: true, crashes: 1 });
});

it("does not keep a process alive that waits for nothing", async () => {
  const path = bench.file();
  const publisher = await bench.process(path);
  publisher.send({ do: "publish", queue: "q", ids: ["a"] });
  await publisher.wait("published");
  publisher.child.disconnect();
  await until("its end", () => publisher.exit !== undefined);
  expect(publisher.exit).toBe("0");
  expect(ids(path)).toEqual(["a"]);
  expect(existsSync(`${path}-ballast`)).toBe(true);
});
