/** What is kept of a journal: all that was asked of it before, read once. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { History, historyOf } from "./history.ts";
import { type Entry, type Hold, Journal, JournalReader, type Run } from "./journal.ts";

const run = (k: Run["k"], id: string, t: number, fence = 1): Run => {
  return { k, t, id, kind: "ok", attempt: 2, fence, pid: 11, worker: 7 };
};
const hold = (k: Hold["k"], id: string, t: number): Hold => ({ k, t, id, attempt: 2, worker: 7 });

it("gives each task its lines back, in the order of time, whatever was written in between", () => {
  const fence = 1_795_855_922_691_268;
  const history = historyOf([
    run("start", "a", 20, fence),
    run("start", "b", 5),
    hold("claim", "a", 10),
    run("end", "a", 30, fence),
    hold("lost", "a", 35),
    run("start", "a", 15),
    hold("freed", "a", 40),
  ]);
  expect(history.of("a")).toEqual({
    starts: [run("start", "a", 15), run("start", "a", 20, fence)],
    ends: [run("end", "a", 30, fence)],
    claims: [hold("claim", "a", 10)],
    freed: [hold("freed", "a", 40)],
  });
  expect(history.of("c")).toEqual({ starts: [], ends: [], claims: [], freed: [] });
  expect([...history.ids]).toEqual(["a", "b"]);
});

it("holds more tasks and lines than a block has rows", () => {
  const count = 70_000;
  const history = new History();
  for (let n = 0; n < count; n++) history.add(run("start", `job-${String(n)}`, count - n, n));
  expect(history.of("job-69999").starts).toEqual([run("start", "job-69999", 1, 69_999)]);
  expect(history.rows.startTimes(7)).toHaveLength(count);
  expect(history.rows.startTimes().slice(0, 3)).toEqual(Float64Array.of(1, 2, 3));
});

it("is read from a file that grows, each line once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-journal-"));
  try {
    const journal = new Journal(join(folder, "journal"));
    const reader = new JournalReader(journal.path);
    const history = new History();
    await history.readOn(reader);
    const accepted = (n: number): Entry => ({ k: "accepted", t: n, id: `job-${String(n)} ž`, kind: "ok" });
    // More than one chunk, so that one ends within a line.
    for (let n = 0; n < 6000; n++) journal.add(accepted(n));
    await history.readOn(reader);
    expect(history.accepted.size).toBe(6000);
    journal.add({ k: "twice", t: 1, id: "job-1 ž" });
    journal.add(accepted(6000));
    await history.readOn(reader);
    await history.readOn(reader);
    journal.close();
    expect([history.accepted.size, history.twice]).toEqual([6001, ["job-1 ž"]]);
    expect([...history.accepted.keys()].at(-1)).toBe("job-6000 ž");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
