/** A task's timeline: a crash is a step of its own with its error, and progress is told in a bounded number of steps. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { Database } from "./database.ts";
import { History } from "./history.ts";

const began = 1_790_000_000_000;
const open: History[] = [];
afterEach(() => {
  for (const history of open.splice(0)) history.close();
});

function historyAt(path = ":memory:"): History {
  const history = new History({ path, clock: new VirtualClock(began + 3_600_000) });
  open.push(history);
  return history;
}

/** Milliseconds after the beginning. */
function event(type: string, after: number, fields: object = {}, hostname = "w1@h"): CeleryEvent {
  const common = { hostname, utcoffset: 0, pid: 1, clock: 1, uuid: "t1", queue: "q" };
  return { type, timestamp: (began + after) / 1000, ...common, ...fields };
}

const died = "the process that ran it ended with signal SIGKILL (sure)";
const run = (after: number, attempt: number, fence: number): readonly CeleryEvent[] => [
  event("task-received", after, { name: "shop.render", attempt, fence, retries: 0 }),
  event("task-started", after + 10, { attempt, fence }),
];

describe("a crash of its process", () => {
  const events = [
    ...run(0, 1, 1),
    event("celeriac-returned", 100, { attempt: 1, child: 41, why: died, culprit: "sure" }),
    ...run(200, 2, 2),
  ];

  test("ends the attempt as crashed, with what is known of it as the attempt's error", () => {
    const history = historyAt();
    history.ingest({ events: events.slice(0, 3), missed: 0 });
    const task = history.task("t1");
    expect(task?.row).toMatchObject({ state: "queued", error: died });
    expect(task?.attempts).toMatchObject([{ end: "crashed", error: died, pid: 41, ended: began + 100 }]);
    expect(task?.attempts[0]?.steps.at(-1)).toMatchObject({ kind: "crashed", text: died });
    expect(task?.error?.causes[0]?.message).toContain("SIGKILL");
  });

  test("is followed by the wait for the next attempt, and forgotten as an error once that succeeds", () => {
    const history = historyAt();
    history.ingest({ events: [...events, event("task-succeeded", 300, { attempt: 2, result: "1" })], missed: 0 });
    const task = history.task("t1");
    expect(task?.row).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(task?.row).not.toHaveProperty("error");
    expect(task?.attempts).toMatchObject([
      { end: "crashed", error: died },
      { end: "succeeded", queued: began + 100 },
    ]);
    expect(task?.attempts[1]).not.toHaveProperty("error");
    // The task may have failed otherwise before: of the crash is told what came last.
    const before = history.task("t1", began + 150);
    expect(before?.row).toMatchObject({ state: "queued", error: died });
  });

  test("is none where the task was given back for another reason", () => {
    const history = historyAt();
    history.ingest({ events: [...run(0, 1, 1), event("celeriac-returned", 100, { why: "shutdown" })], missed: 0 });
    expect(history.task("t1")?.attempts).toMatchObject([{ end: "returned" }]);
    expect(history.task("t1")?.attempts[0]).not.toHaveProperty("error");
  });
});

describe("progress", () => {
  const reports = Array.from({ length: 1_000 }, (_, index) =>
    event("celeriac-progress", 20 + index, { attempt: 1, done: index + 1, total: 1_000, note: "rendering" }),
  );
  const told = (history: History): readonly string[] =>
    (history.task("t1")?.attempts ?? []).flatMap(({ steps }) =>
      steps.flatMap(({ kind, text }) => (kind === "progress" ? [text ?? ""] : [])),
    );

  test("is told in steps: all of a few, with their notes", () => {
    const history = historyAt();
    const some = [
      event("celeriac-progress", 20, { done: 1, total: 3, note: "fetched" }),
      event("celeriac-progress", 40, { done: 2 }),
    ];
    history.ingest({ events: [...run(0, 1, 1), ...some, event("task-succeeded", 60, { result: "1" })], missed: 0 });
    const [attempt] = history.task("t1")?.attempts ?? [];
    expect(attempt?.steps.map(({ kind, text }) => [kind, text])).toEqual([
      ["received", undefined],
      ["started", undefined],
      ["progress", "1 of 3: fetched"],
      ["progress", "2"],
      ["succeeded", undefined],
    ]);
    expect(history.task("t1")?.row.progress).toMatchObject({ done: 2 });
    // Of a moment before the second one.
    expect(history.task("t1", began + 30)?.attempts[0]?.steps.map(({ kind }) => kind)).toEqual([
      "received",
      "started",
      "progress",
    ]);
  });

  test("of a thousand reports the first, the last and a few between are kept, whatever order they come in", () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-timeline-"));
    const path = join(folder, "history.db");
    const history = historyAt(path);
    history.ingest({ events: [...run(0, 1, 1), ...reports], missed: 0 });
    const kept = told(history);
    expect(kept).toHaveLength(20);
    expect([kept[0], kept.at(-1)]).toEqual(["1 of 1000: rendering", "1000 of 1000: rendering"]);
    // Those between lie all over the time.
    const between = kept.slice(1, -1).map((text) => Number(text.split(" ")[0]));
    expect(between.filter((done) => done <= 500).length).toBeGreaterThan(3);
    expect(between.filter((done) => done > 500).length).toBeGreaterThan(3);
    const backwards = historyAt();
    for (const report of reports.toReversed()) backwards.ingest({ events: [report], missed: 0 });
    backwards.ingest({ events: [...reports.slice(100, 200), ...run(0, 1, 1)], missed: 0 });
    expect(told(backwards)).toEqual(kept);
    history.close();
    const database = new Database(path, true);
    expect(database.number("SELECT length(life) FROM task")).toBeLessThan(1_500);
    database.close();
    expect(told(historyAt(path))).toEqual(kept);
    for (const each of open.splice(0)) each.close();
    rmSync(folder, { recursive: true });
  });

  test("of one that reports more after it was read again is kept as if it had never been away", () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-timeline-"));
    const path = join(folder, "history.db");
    for (let part = 0; part < 4; part++) {
      const history = historyAt(path);
      history.ingest({ events: [...run(0, 1, 1), ...reports.slice(part * 250, part * 250 + 250)], missed: 0 });
      history.close();
    }
    const whole = historyAt();
    whole.ingest({ events: [...run(0, 1, 1), ...reports], missed: 0 });
    expect(told(historyAt(path))).toEqual(told(whole));
    for (const each of open.splice(0)) each.close();
    rmSync(folder, { recursive: true });
  });
});

test("a task whose worker was quicker than its sender's word was sent before it was claimed", () => {
  const history = historyAt();
  const events = [...run(0, 1, 1), event("task-sent", 12, {}, "gen1@h"), event("task-succeeded", 30, { result: "1" })];
  history.ingest({ events, missed: 0 });
  const [attempt, ...others] = history.task("t1")?.attempts ?? [];
  expect(others).toEqual([]);
  expect(attempt?.steps.map(({ kind }) => kind)).toEqual(["sent", "received", "started", "succeeded"]);
  expect(attempt?.queued).toBe(began);
});
