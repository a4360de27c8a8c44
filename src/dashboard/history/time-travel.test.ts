/** What the history says of a moment is what another process saw who looked at that moment. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import type { TaskRow, TaskState } from "../contract.ts";
import type { Snapshot, ToOnlooker } from "./fixtures/onlooker.ts";
import { began, clusterEvents, randomNumbers } from "./fixtures/stream.ts";
import { History } from "./history.ts";

const seed = 20_260;
const moments = 20;
const events = clusterEvents(600, seed);
let snapshots: readonly Snapshot[];
let open: History | undefined;

beforeAll(async () => {
  snapshots = await watched(events);
});
afterEach(() => {
  open?.close();
  open = undefined;
});

/** Random moments, each seen by the other process when it had heard everything until then. */
async function watched(stream: readonly CeleryEvent[]): Promise<readonly Snapshot[]> {
  const random = randomNumbers(seed + 1);
  const last = (stream.at(-1)?.timestamp ?? 0) * 1000;
  const times = Array.from({ length: moments }, () => began + Math.floor(random() * (last - began))).toSorted(
    (a, b) => a - b,
  );
  const child = fork(join(import.meta.dirname, "fixtures/onlooker.ts"), { serialization: "advanced" });
  try {
    const seen: Snapshot[] = [];
    let next = 0;
    for (const look of times) {
      const until = stream.findIndex(({ timestamp }) => Math.round(timestamp * 1000) > look);
      child.send({ events: stream.slice(next, until) } satisfies ToOnlooker);
      next = until;
      const answer = once(child, "message");
      child.send({ look } satisfies ToOnlooker);
      seen.push(((await answer) as [Snapshot])[0]);
    }
    return seen;
  } finally {
    child.kill("SIGKILL");
  }
}

function historyOf(stream: readonly CeleryEvent[], step: number): History {
  const clock = new VirtualClock(began + 7_200_000);
  open = new History({ path: ":memory:", clock });
  for (let index = 0; index < stream.length; index += step) {
    open.ingest({ events: stream.slice(index, index + step), missed: 0 });
    if (index % 3 === 0) open.flush();
  }
  return open;
}

function everything(history: History, at: number, limit: number): readonly TaskRow[] {
  const rows: TaskRow[] = [];
  for (let after: string | undefined; ;) {
    const page = history.tasks({ at, limit, ...(after !== undefined && { after }) });
    rows.push(...page.items);
    if (page.next === undefined) return rows;
    after = page.next;
  }
}

function asSeen(rows: readonly TaskRow[]): Snapshot["tasks"] {
  return Object.fromEntries(
    rows.map(({ id, state, since, worker, queue, task, attempts }) => [
      id,
      { state, since, worker, queue, task, attempts },
    ]),
  );
}

function shuffled<T>(list: readonly T[]): readonly T[] {
  const random = randomNumbers(seed + 2);
  return list
    .map((each) => [random(), each] as const)
    .toSorted((a, b) => a[0] - b[0])
    .map(([, each]) => each);
}

function expectSameAsSeen(history: History): void {
  expect(snapshots).toHaveLength(moments);
  for (const { at, tasks } of snapshots) {
    const rows = everything(history, at, 37);
    expect(asSeen(rows)).toEqual(tasks);
    expect(rows.map(({ since }) => since)).toEqual(rows.map(({ since }) => since).toSorted((a, b) => b - a));
  }
}

test("the tasks table of 20 random moments is what another process saw then", () => {
  expectSameAsSeen(historyOf(events, 50));
});

test("it is so though the events come in any order, some of them twice", () => {
  const twice = events.filter((_, index) => index % 7 === 0);
  expectSameAsSeen(historyOf(shuffled([...events, ...twice]), 100));
});

test("counts and every filter agree with the table, at each of these moments", () => {
  const history = historyOf(shuffled(events), 200);
  for (const { at, tasks } of snapshots) {
    const all = Object.values(tasks);
    const counts = history.counts({ at });
    for (const [state, count] of Object.entries(counts.states))
      expect(count).toBe(all.filter((task) => task.state === state).length);
    for (const state of ["queued", "delayed", "running", "succeeded", "dead"] as const satisfies readonly TaskState[]) {
      const expected = all.filter(
        (task) => task.state === state && task.queue === "media" && task.task === "mail.send",
      );
      const { items } = history.tasks({ at, state: [state], queue: ["media"], task: ["mail.send"], limit: 200 });
      expect(items).toHaveLength(expected.length);
    }
    const queue = history.queues(at).items.find(({ name }) => name === "mail");
    const inMail = all.filter((task) => task.queue === "mail");
    expect(queue?.ready ?? 0).toBe(
      inMail.filter(({ state, worker }) => state === "queued" && worker === undefined).length,
    );
    expect(queue?.running ?? 0).toBe(inMail.filter(({ state }) => state === "running").length);
  }
});

test("of an earlier moment a task shows what was known then", () => {
  const history = historyOf(events, 500);
  const id = history.tasks({ state: ["succeeded"], limit: 200 }).items.find(({ attempts }) => attempts > 1)?.id ?? "";
  const now = history.task(id);
  const [first] = now?.attempts ?? [];
  const before = history.task(id, (first?.started ?? 0) + 1);
  expect(before?.row).toMatchObject({ state: "running", attempts: 1 });
  expect(before?.result).toBeUndefined();
  expect(before?.attempts).toHaveLength(1);
  expect(now?.result).toBeDefined();
  expect(history.task(id, began - 1)).toBeUndefined();
});
