/** What goes wrong with the file: nothing of it reaches who tells the history something, and nothing of others' is harmed. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CeleriacError } from "../../error/celeriac-error.ts";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { began, clusterEvents } from "./fixtures/stream.ts";
import { History } from "./history.ts";

let folder: string;
let path: string;
let clock: VirtualClock;
const open: History[] = [];
const warnings: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-history-"));
  path = join(folder, "history.db");
  clock = new VirtualClock(began + 600_000);
});
afterEach(() => {
  for (const history of open.splice(0)) history.close();
  warnings.length = 0;
  rmSync(folder, { recursive: true });
});

function openHistory(limits: { readonly maxBytes?: number; readonly maxAge?: number } = {}): History {
  const history = new History({ path, clock, warn: ({ code }) => void warnings.push(code), ...limits });
  open.push(history);
  return history;
}

function received(uuid: string, text = ""): CeleryEvent {
  const common = { type: "task-received", timestamp: began / 1000, hostname: "w@h", utcoffset: 0, pid: 1, clock: 1 };
  return { ...common, uuid, name: "t", args: text };
}

function refusal(): string | undefined {
  try {
    openHistory();
    return undefined;
  } catch (error) {
    return (error as CeleriacError).code;
  }
}

test("a file that is no database is moved aside, with a warning, and a new one begun", () => {
  writeFileSync(path, "these are my notes, and no database\n".repeat(100));
  const history = openHistory();
  history.ingest({ events: [received("a")], missed: 0 });
  expect(history.task("a")).toBeDefined();
  expect(warnings).toEqual(["HISTORY_DAMAGED"]);
  const moved = readdirSync(folder).find((name) => name.startsWith("history.db.broken-"));
  expect(readFileSync(join(folder, moved ?? ""), "utf8")).toContain("my notes");
});

test("a history that is damaged while it is used is moved aside, and what comes after is kept", () => {
  const history = openHistory();
  history.ingest({ events: clusterEvents(200, 1), missed: 0 });
  history.close();
  const again = openHistory();
  truncateSync(path, statSync(path).size - 4096 * 10);
  const page = Buffer.alloc(4096, 0xab);
  const bytes = readFileSync(path);
  for (let at = 4096; at + 4096 <= bytes.length; at += 4096) page.copy(bytes, at);
  writeFileSync(path, bytes);
  again.ingest({ events: clusterEvents(200, 1), missed: 0 });
  again.flush();
  again.ingest({ events: [received("after")], missed: 0 });
  expect(again.task("after")).toBeDefined();
  expect(warnings).toEqual(["HISTORY_DAMAGED"]);
  expect(again.facts().recording).toBe(true);
});

test("the database of another program is refused and left as it was", () => {
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE customers (name TEXT); INSERT INTO customers VALUES ('Ada')");
  other.close();
  const before = readFileSync(path);
  expect(refusal()).toBe("DATABASE_FOREIGN");
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("the history of a newer version is refused and left as it was", () => {
  openHistory().close();
  const file = new DatabaseSync(path);
  file.exec("PRAGMA user_version = 99");
  file.close();
  expect(refusal()).toBe("DATABASE_VERSION");
});

test("a place where no file can be is refused", () => {
  writeFileSync(join(folder, "file"), "");
  path = join(folder, "file", "history.db");
  expect(refusal()).toBe("BACKEND_UNREACHABLE");
});

test("hostile events are taken or left, never thrown over", () => {
  const history = openHistory();
  const odd: readonly unknown[] = [
    { ...received("x"), uuid: null },
    { ...received("x"), uuid: "y".repeat(300) },
    { ...received("x"), timestamp: 9e99 },
    { ...received("x"), timestamp: "now" },
    { ...received("x"), hostname: 7 },
    {
      ...received("x"),
      args: { a: 1 },
      queue: ["q"],
      fence: 1e300,
      attempt: Number.NaN,
      retries: "many",
      eta: "never",
    },
    { ...received("nul"), name: "a\0b", args: "\ud800", queue: "q\u202e" },
    { ...received("y"), type: "celeriac-log", text: { deep: [] }, level: {}, fields: [1] },
    { ...received("y"), type: "worker-heartbeat", loadavg: "high", freq: -1, queues: [{}] },
    { ...received("y"), type: "celeriac-schedule", schedule: 3, tick: "soon" },
    { ...received("y"), type: "celeriac-progress", done: "half" },
    { type: "task-", timestamp: began / 1000 },
  ];
  history.ingest({ events: odd as CeleryEvent[], missed: undefined });
  expect(
    history
      .tasks({})
      .items.map(({ id }) => id)
      .toSorted(),
  ).toEqual(["nul", "x", "y"]);
  expect(warnings).toEqual([]);
});

test("by size the oldest are forgotten first, and the file stays below it", () => {
  const maxBytes = 3_000_000;
  const history = openHistory({ maxBytes });
  for (let round = 0; round < 40; round++) {
    const events = Array.from({ length: 200 }, (_, index) => {
      const event = received(`${String(round)}-${String(index)}`, "x".repeat(1_000));
      return { ...event, timestamp: (began + round * 1000 + index) / 1000 };
    });
    history.ingest({ events, missed: 0 });
    history.flush();
    while (history.sweep());
    expect(history.facts().bytes).toBeLessThanOrEqual(maxBytes * 1.1);
  }
  const { since, tasks } = history.facts();
  expect(tasks).toBeLessThan(4_000);
  const { items } = history.tasks({ order: "oldest", limit: 1 });
  expect(items[0]?.since).toBeGreaterThanOrEqual(since ?? Infinity);
  expect(history.task("39-199")).toBeDefined();
  expect(history.task("0-0")).toBeUndefined();
});

const root = process.getuid?.() === 0;
if (!root) console.warn("not root: the test on a full file system is skipped");

describe.runIf(root)("on a small file system", () => {
  beforeEach(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]));
  afterEach(() => execFileSync("umount", ["-l", folder]));

  test("that fills up it stops recording with one warning, still answers, and goes on when there is room", async () => {
    const history = openHistory();
    const ballast = join(folder, "ballast");
    history.ingest({ events: [received("before")], missed: 0 });
    history.flush();
    for (let index = 0; index < 60; index++) {
      const events = Array.from({ length: 100 }, (_, each) =>
        received(`${String(index)}-${String(each)}`, "x".repeat(2_000)),
      );
      history.ingest({ events, missed: 0 });
      history.flush();
      if (index === 0) writeFileSync(ballast, "x".repeat(1_000_000));
    }
    expect(warnings).toEqual(["HISTORY_NOT_RECORDING"]);
    expect(history.facts()).toMatchObject({ recording: false, warning: expect.stringContaining(path) as string });
    expect(history.task("before")).toBeDefined();
    rmSync(ballast);
    await clock.advance(10_000);
    history.ingest({ events: [received("late")], missed: 0 });
    history.flush();
    expect(history.facts().recording).toBe(true);
    expect(history.task("late")).toBeDefined();
    expect(history.tasks({ from: began }).gaps).toMatchObject([{ why: "full" }]);
    expect(warnings).toHaveLength(1);
  });
});
