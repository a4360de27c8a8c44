/**
 * A loss of power, as near as it can be had: the file and its log as they lay at some moment, the log cut anywhere in its tail or torn there.
 * With durability=power a call is answered after its fsync, so what was answered before the cut must be there, whole and in its order.
 */

import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, describe, expect, it } from "vitest";

import { Bench, consuming, idOf, never, outgoing, until } from "./fixtures/harness.ts";

const bench = new Bench();
afterEach(() => bench.clear());

/** Bytes, a few calls: what lies before them is older than the tables are. */
const tail = 60_000;

interface Answered {
  readonly id: string;
  readonly what: "message" | "result";
  /** Bytes of the log when the answer was there. */
  readonly size: number;
}

/** A text that grows, so that commits end anywhere in a page. */
const bodyOf = (no: number): string => JSON.stringify([["x".repeat((no * 97) % 3_000)], {}, {}]);

/** Numbers from 0 to 1, the same in each run. */
function* seeded(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** In the order in which they were numbered. */
function ids(path: string, table: "celeriac_task ORDER BY seq" | "celeriac_result"): string[] {
  const db = new DatabaseSync(path);
  try {
    expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    return db
      .prepare(`SELECT id FROM ${table}`)
      .all()
      .map((row) => String(row["id"]))
      .toSorted((one, other) => (table === "celeriac_result" ? Number(one.slice(1)) - Number(other.slice(1)) : 0));
  } finally {
    db.close();
  }
}

/** The file with so much of the log; `torn`: with what comes behind it in the log turned to noise instead of missing. */
function copyOf(path: string, cut: number, torn: boolean): string {
  const copy = join(bench.directory(), "queue.db");
  copyFileSync(path, copy);
  const log = readFileSync(`${path}-wal`);
  const kept = torn ? Buffer.from(log).fill(0xa5, cut) : log.subarray(0, cut);
  writeFileSync(`${copy}-wal`, kept);
  return copy;
}

describe("a log that is cut in its tail", () => {
  it("opens, and holds what was answered before the cut, in order and nothing in part: sixty cuts", async () => {
    const path = bench.file();
    const backend = await bench.open(path);
    const answered: Answered[] = [];
    const note = (id: string, what: Answered["what"]): void =>
      void answered.push({ id, what, size: statSync(`${path}-wal`).size });
    for (let no = 0; no < 120; no++) {
      const id = `m${no}`;
      await backend.broker.publish([outgoing("q", id, bodyOf(no))], never);
      note(id, "message");
      if (no % 3 !== 0) continue;
      const meta = Buffer.from('{"status":"SUCCESS"}');
      await backend.store.commit([{ id, state: "SUCCESS", final: true, fence: 1, meta, ttl: undefined }]);
      note(id, "result");
    }
    const whole = statSync(`${path}-wal`).size;
    const start = answered[0]?.size ?? 0;
    expect(whole, "the log was never begun anew").toBeGreaterThan(start);
    const random = seeded(6);
    for (let turn = 0; turn < 60; turn++) {
      const cut = Math.floor(start + random.next().value * (whole - start));
      const copy = copyOf(path, cut, turn % 2 === 1);
      const before = answered.filter(({ size }) => size <= cut);
      const of = (what: Answered["what"], some: readonly Answered[]): string[] =>
        some.filter((one) => one.what === what).map(({ id }) => id);
      const [messages, results] = [ids(copy, "celeriac_task ORDER BY seq"), ids(copy, "celeriac_result")];
      // What was being written at the cut may be there as well, and nothing that came after it.
      expect(messages).toEqual(of("message", answered).slice(0, messages.length));
      expect(results).toEqual(of("result", answered).slice(0, results.length));
      const found = messages.length + results.length;
      expect([found === before.length || found === before.length + 1, cut]).toEqual([true, cut]);
      expect(messages.length).toBeGreaterThanOrEqual(of("message", before).length);
      expect(results.length).toBeGreaterThanOrEqual(of("result", before).length);
    }
  });

  it("goes on from there: what it holds is handed out, and new work is taken", async () => {
    const path = bench.file();
    const backend = await bench.open(path);
    for (let no = 0; no < 20; no++) await backend.broker.publish([outgoing("q", `m${no}`, bodyOf(no))], never);
    const whole = statSync(`${path}-wal`).size;
    const copy = copyOf(path, whole - 2_000, false);
    const again = await bench.open(copy);
    const handed: string[] = [];
    const consumer = await again.broker.consume({ ...consuming, queues: ["q"] }, (batch) => {
      handed.push(...batch.map(idOf));
      void consumer.settle(batch.map((delivery) => ({ delivery, then: { kind: "ack" } })));
    });
    consumer.want(50, 50);
    await again.broker.publish([outgoing("q", "new")], never);
    await until("the new one", () => handed.includes("new"));
    expect(handed).toEqual([...Array.from({ length: 19 }, (_, no) => `m${no}`), "new"]);
  });
});

it("a copy of file and log from the midst of a load holds all that was answered by then", async () => {
  const random = seeded(7);
  for (let round = 0; round < 4; round++) {
    const path = bench.file();
    const publisher = await bench.process(path);
    publisher.send({ do: "flood", queue: "q", stem: `r${round}`, size: 20 });
    await publisher.wait("published", 5 + round * 9);
    publisher.child.kill("SIGSTOP");
    const copy = copyOf(path, statSync(`${path}-wal`).size, false);
    const answered = publisher.reports.flatMap((report) => (report.t === "published" ? report.ids : []));
    const stored = ids(copy, "celeriac_task ORDER BY seq");
    expect(answered.filter((id) => !stored.includes(id))).toEqual([]);
    const whole = statSync(`${path}-wal`).size;
    for (let turn = 0; turn < 8; turn++) {
      const less = copyOf(path, Math.floor(whole - random.next().value * tail), turn % 2 === 1);
      const left = ids(less, "celeriac_task ORDER BY seq");
      expect(left).toEqual(stored.slice(0, left.length));
      expect(left.length % 20, "a call is there whole, or not at all").toBe(0);
    }
    await publisher.kill();
  }
});
