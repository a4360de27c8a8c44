/** What goes in and what is told of it: Celery's own events, our worker's, filters, pages, logs, workflows, workers, and a restart. */

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createApp } from "../../app/app.ts";
import { systemClock } from "../../clock/clock.ts";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { History } from "./history.ts";

const began = 1_790_000_000_000;
const open: History[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const history of open.splice(0)) history.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function historyAt(path = ":memory:", now = began + 600_000): History {
  const history = new History({ path, clock: new VirtualClock(now) });
  open.push(history);
  return history;
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "celeriac-history-"));
  folders.push(made);
  return made;
}

/** Seconds after the beginning. */
function event(type: string, after: number, fields: object, hostname = "w1@h"): CeleryEvent {
  return { type, timestamp: (began + after * 1000) / 1000, hostname, utcoffset: 0, pid: 1, clock: 1, ...fields };
}

function tell(history: History, ...events: readonly CeleryEvent[]): void {
  history.ingest({ events, missed: 0 });
}

describe.each(["5.2.6", "5.6.3"])("what Celery %s tells", (version) => {
  const file = new URL(`../../wire/fixtures/celery-${version}-events.json`, import.meta.url);
  const captured = JSON.parse(readFileSync(file, "utf8")) as Readonly<
    Record<"redis" | "amqp", Record<string, { body: string }>>
  >;
  const events = (name: string): readonly CeleryEvent[] => {
    const body = JSON.parse((captured.redis[name] ?? captured.amqp[name])?.body ?? "[]") as CeleryEvent | CeleryEvent[];
    return Array.isArray(body) ? body : [body];
  };
  const idIn = (name: string): string => events(name).find(({ type }) => type === name)?.["uuid"] as string;

  test.each([
    ["task-received", "queued"],
    ["task-started", "running"],
    ["task-succeeded", "succeeded"],
    ["task-failed", "failed"],
    ["task-retried", "retrying"],
    ["task-revoked", "revoked"],
  ])("%s makes a task %s", (name, state) => {
    const all = events(name);
    const history = historyAt(":memory:", (all[0]?.timestamp ?? 0) * 1000 + 60_000);
    tell(history, ...all.filter(({ type }) => type === name));
    const task = history.task(idIn(name));
    expect(task?.row).toMatchObject({ id: idIn(name), state, worker: "w1@cap" });
  });

  test("results, errors and tracebacks are kept", () => {
    const history = historyAt(":memory:", Date.now() + 1e12);
    tell(history, ...events("task-succeeded"), ...events("task-failed"));
    expect(history.task(idIn("task-succeeded"))?.result).toBeDefined();
    const error = history.task(idIn("task-failed"))?.error;
    expect(error?.causes[0]).toMatchObject({ type: "ValueError" });
    expect(error?.traceback).toContain("ValueError");
  });

  test("a worker that comes, beats and goes", () => {
    const [online, beat, offline] = ["worker-online", "worker-heartbeat", "worker-offline"].map(
      (name) => events(name)[0],
    );
    const start = began / 1000;
    const history = historyAt();
    for (const [seconds, each] of [
      [0, online],
      [2, beat],
      [4, beat],
      [6, offline],
    ] as const)
      if (each) tell(history, { ...each, pid: 1, timestamp: start + seconds });
    expect(history.workers(began + 5_000).items).toMatchObject([
      { name: "w1@cap", online: true, software: `py-celery ${version}`, since: began, heartbeat: began + 5_000 },
    ]);
    expect(history.workers(began + 7_000).items).toMatchObject([{ online: false }]);
    expect(history.workers(began - 1).items).toEqual([]);
  });
});

test("what a worker of ours tells becomes its tasks' attempts, logs, progress and checkpoints", async () => {
  const history = new History({ path: ":memory:", clock: systemClock });
  open.push(history);
  const app = createApp({ name: "shop", broker: "memory:" });
  let failures = 1;
  const charge = app.task("charge", { retry: { limit: 2, delay: "1ms" } }, async (order: number, context) => {
    context.log.info("charging", { order });
    if (failures-- > 0) throw new TypeError("no card");
    return { order };
  });
  await using events = await app.events((batch) => history.ingest(batch));
  await using worker = await app.work({ pool: "inline" });
  const sent = await charge.delay(7);
  await sent.get({ timeout: "60s" });
  await worker.stop();
  const ended = Promise.withResolvers<void>();
  using _look = systemClock.every(5, () => {
    if (history.workers().items[0]?.online === false) ended.resolve();
  });
  await ended.promise;
  await events.close();
  const task = history.task(sent.id);
  expect(task?.row).toMatchObject({ task: "charge", state: "succeeded", attempts: 2, worker: worker.id });
  expect(task?.attempts.map(({ end, error }) => [end, error])).toEqual([
    ["retried", expect.stringContaining("no card")],
    ["succeeded", undefined],
  ]);
  expect(history.log(sent.id).items.map(({ text, fields }) => [text, fields])).toEqual([
    ["charging", { order: 7 }],
    ["charging", { order: 7 }],
  ]);
  await app.close();
});

test("that it was sent may be told when it has ended; sent again much later it begins anew", () => {
  const history = historyAt();
  tell(
    history,
    event("task-received", 0, { uuid: "a", name: "t", attempt: 1 }),
    event("task-succeeded", 1, { uuid: "a" }),
  );
  tell(history, event("task-sent", 1.5, { uuid: "a", name: "t", retries: 0 }));
  expect(history.task("a")?.attempts.map(({ end }) => end)).toEqual(["succeeded"]);
  tell(history, event("task-sent", 60, { uuid: "a", name: "t", retries: 0 }));
  expect(history.task("a")?.attempts.map(({ end }) => end)).toEqual(["succeeded", undefined]);
});

test("the next run may be told of before the end of the one before", () => {
  const history = historyAt();
  const step = (type: string, after: number, attempt: number): CeleryEvent =>
    event(type, after, { uuid: "a", attempt, fence: attempt });
  tell(history, step("task-received", 0, 1), step("task-started", 1, 1));
  tell(history, step("task-received", 2, 2), step("task-started", 3, 2), step("task-retried", 4, 1));
  tell(history, step("task-succeeded", 5, 2));
  expect(history.task("a")?.attempts.map(({ end, started }) => [end, (started ?? 0) - began])).toEqual([
    ["retried", 1_000],
    ["succeeded", 3_000],
  ]);
});

test("a restart forgets nothing, and knows since when nobody listened", () => {
  const path = join(folder(), "below", "history.db");
  const first = historyAt(path);
  tell(first, event("task-received", 0, { uuid: "a", name: "t", args: "(1,)", queue: "q" }));
  first.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const second = historyAt(path, began + 900_000);
  tell(second, event("task-started", 1, { uuid: "a" }), event("task-succeeded", 3, { uuid: "a", result: "1" }));
  expect(second.task("a")).toMatchObject({
    row: { task: "t", state: "succeeded", queue: "q", waited: 1_000, ran: 2_000 },
    result: "1",
  });
  expect(second.facts()).toMatchObject({ recording: true, events: 3, tasks: 1, since: began });
  expect(second.tasks({}).gaps).toEqual([{ from: began + 600_000, until: began + 900_000, why: "closed" }]);
});

test("events that were missed are a gap", () => {
  const history = historyAt();
  history.ingest({ events: [], missed: 3 });
  expect(history.tasks({}).gaps).toEqual([{ from: began + 600_000, until: began + 600_001, why: "lost" }]);
});

describe("the tasks table", () => {
  function filled(): History {
    const history = historyAt();
    for (let index = 0; index < 450; index++) {
      const uuid = `task-${String(index)}`;
      const more = { uuid, name: index % 2 === 0 ? "even" : "odd", queue: index % 3 === 0 ? "three" : "other" };
      tell(
        history,
        event("task-received", index, { ...more, args: `(${String(index)}, '100%_off')` }, `w${String(index % 5)}@h`),
      );
      if (index % 10 === 0)
        tell(history, event("task-failed", index + 0.5, { uuid, exception: `KeyError(${String(index)})` }));
    }
    return history;
  }

  test("pages by 200 at most, each task once, in order", () => {
    const history = filled();
    const seen: number[] = [];
    let pages = 0;
    for (let after: string | undefined; pages < 10; pages++) {
      const page = history.tasks({ limit: 1_000, ...(after !== undefined && { after }) });
      expect(page.items.length).toBeLessThanOrEqual(200);
      seen.push(...page.items.map(({ since }) => since));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(pages).toBe(2);
    expect(seen).toHaveLength(450);
    expect(seen).toEqual(seen.toSorted((a, b) => b - a));
    expect(history.tasks({ order: "oldest", limit: 2 }).items.map(({ id }) => id)).toEqual(["task-0", "task-1"]);
  });

  test("filters by state, task, queue, worker and time together, and counts the same", () => {
    const history = filled();
    const filter = { task: ["even"], queue: ["three"], from: began + 60_000, until: began + 120_000 };
    const { items } = history.tasks({ ...filter, limit: 200 });
    expect(items.map(({ id }) => id)).toEqual(
      [120, 114, 108, 102, 96, 90, 84, 78, 72, 66, 60]
        .map((n) => `task-${String(n)}`)
        .filter((id) => id !== "task-120"),
    );
    expect(history.counts(filter)).toMatchObject({ total: 10, states: { queued: 8, failed: 2 }, atLeast: [] });
    expect(history.tasks({ ...filter, worker: ["w1@h"], state: ["queued"] }).items.map(({ id }) => id)).toEqual([
      "task-96",
      "task-66",
    ]);
    expect(history.tasks({ task: ["nobody's"] }).items).toEqual([]);
  });

  test.each([
    ["100%_off", 450],
    ["100_%off", 0],
    ["KEYERROR(7", 1],
    ["(44", 11],
    ["task-44", 11],
    ["\\", 0],
    ["'; DROP TABLE task; --", 0],
  ])("finds %j in %d of them", (text, count) => {
    expect(filled().counts({ text }).total).toBe(count);
  });

  test("finds a part of an id, with its dashes", () => {
    const history = historyAt();
    const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    tell(
      history,
      event("task-received", 0, { uuid: id, name: "t" }),
      event("task-received", 0, { uuid: "other", name: "t" }),
    );
    for (const text of [id, "d9cb-469f", "F8FAD"])
      expect(history.tasks({ text }).items.map((row) => row.id)).toEqual([id]);
    expect(history.tasks({ text: "b-d9cb4" }).items).toEqual([]);
  });
});

test("what fails most is grouped by task and error, numbers put aside", () => {
  const history = historyAt();
  for (let index = 0; index < 6; index++) {
    const exception = index < 4 ? `TimeoutError('no answer in ${String(index)} ms')` : "KeyError('x')";
    const uuid = `f${String(index)}`;
    tell(
      history,
      event("task-received", index, { uuid, name: "charge" }),
      event("task-failed", index + 1, { uuid, exception }),
    );
  }
  const { failing, outcomes, health } = history.overview({ from: began, until: began + 60_000 });
  expect(failing).toMatchObject([
    { task: "charge", error: "TimeoutError('no answer in … ms')", count: 4, example: "f3", atLeast: false },
    { task: "charge", error: "KeyError('x')", count: 2 },
  ]);
  expect(outcomes).toMatchObject({ succeeded: 0, failed: 6 });
  expect(health).toEqual({ level: "bad", text: "0 workers, 6 failures" });
});

test("throughput and latencies by time, of one queue as of all", () => {
  const history = historyAt();
  for (let index = 0; index < 100; index++) {
    const uuid = `s${String(index)}`;
    const queue = index % 4 === 0 ? "slow" : "fast";
    tell(history, event("task-sent", index, { uuid, name: "t", queue }), event("task-started", index + 0.1, { uuid }));
    tell(history, event("task-succeeded", index + 0.1 + (index + 1) / 100, { uuid }));
  }
  const whole = { from: began, until: began + 120_000 };
  const { step, sent, succeeded } = history.series({ ...whole, points: 12 });
  expect(step).toBe(10_000);
  expect(sent.slice(0, 12)).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0, 0]);
  expect(succeeded.reduce((sum, count) => sum + count, 0)).toBe(100);
  const one = history.series({ ...whole, points: 1, queue: "slow" });
  expect(one.sent.reduce((sum, count) => sum + count, 0)).toBe(25);
  const { wait, run } = history.overview(whole);
  expect(wait?.count).toBe(100);
  expect(Math.abs((wait?.p50 ?? 0) / 100 - 1)).toBeLessThan(0.08);
  expect(Math.abs((run?.p95 ?? 0) / 950 - 1)).toBeLessThan(0.08);
});

test("a workflow is the tasks of its root, and a large group one node", () => {
  const history = historyAt();
  const call = (uuid: string, more: object): CeleryEvent =>
    event("task-received", 1, { uuid, name: "resize", root_id: "root", ...more });
  tell(
    history,
    event("task-received", 0, { uuid: "root", name: "start", root_id: "root" }),
    event("task-succeeded", 1, { uuid: "root" }),
  );
  for (let index = 0; index < 40; index++) tell(history, call(`m${String(index)}`, { parent_id: "root", group: "g" }));
  tell(history, event("task-failed", 2, { uuid: "m3", exception: "E('x')" }));
  tell(history, call("body", { parent_id: "m7", name: "join" }));
  const graph = history.workflow("root");
  expect(graph?.nodes.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual([
    "group g:resize",
    "task body",
    "task root",
  ]);
  expect(graph?.nodes.find(({ kind }) => kind === "group")).toMatchObject({
    total: 40,
    states: { queued: 39, failed: 1 },
    sample: [{ id: "m3" }, ...Array.from({ length: 19 }, () => ({}))],
  });
  expect(graph?.edges.map(({ from, to }) => `${from} → ${to}`).toSorted()).toEqual([
    "g:resize → body",
    "root → g:resize",
  ]);
  expect(history.workflows({}).items).toMatchObject([{ root: "root", task: "start", total: 42 }]);
  expect(history.workflows({ only: "failed" }).items).toHaveLength(1);
  expect(history.task("root")).toMatchObject({ childCount: 40, children: { length: 40 } });
});

/** Celery's: each member of a group that no task has sent is a root, and the body is sent by the last of them. */
const chordEvents = (): readonly CeleryEvent[] => {
  const received = (uuid: string, fields: object): CeleryEvent =>
    event("task-received", 1, { uuid, name: uuid.slice(0, 1), root_id: uuid, ...fields });
  return [
    received("m1", { group: "g" }),
    received("c2", { root_id: "c1" }),
    received("c3", { root_id: "c1", group: "g" }),
    received("c1", {}),
    received("body", { root_id: "m1", parent_id: "m1" }),
    received("after", { root_id: "m1", parent_id: "body" }),
  ];
};

test.each([
  [0, 1, 2, 3, 4, 5],
  [5, 4, 3, 2, 1, 0],
  [1, 5, 3, 0, 2, 4],
  [4, 0, 5, 3, 1, 2],
])("what shares a root or a group is one workflow, whatever is told first (%i, %i, %i, %i, %i, %i)", (...order) => {
  const history = historyAt();
  const events = chordEvents();
  for (const index of order) {
    const next = events[index];
    if (next) tell(history, next);
    history.flush();
  }
  const { items } = history.workflows({});
  expect(items.map(({ total }) => total)).toEqual([6]);
  for (const name of ["g", "m1", "c1", items[0]?.root ?? ""]) {
    const ids = history
      .workflow(name)
      ?.nodes.map(({ id }) => id)
      .toSorted();
    expect(ids).toEqual(["after", "body", "c1", "c2", "c3", "m1"]);
  }
});

test("of a talkative task the newest thousand lines are kept, and the rest is counted", () => {
  const history = historyAt();
  tell(history, event("task-started", 0, { uuid: "t" }));
  for (let index = 0; index < 1_300; index++)
    tell(history, event("celeriac-log", 1 + index / 1000, { uuid: "t", level: "warn", text: `line ${String(index)}` }));
  const page = history.log("t", { limit: 2 });
  expect(page).toMatchObject({ items: [{ text: "line 1298", level: "warn" }, { text: "line 1299" }], dropped: 300 });
  expect(history.log("t", { limit: 1_000, after: page.next ?? "" }).items).toHaveLength(998);
});

test("the same line by two attempts in one moment is two lines, in whatever order they come", () => {
  const line = (attempt?: number): CeleryEvent => event("celeriac-log", 1, { uuid: "t", text: "one", attempt });
  const shown = [
    [line(), line(1), line(2)],
    [line(2), line(1), line(), line(2)],
  ].map((lines) => {
    const history = historyAt();
    tell(history, event("task-started", 0, { uuid: "t" }), ...lines);
    return history.log("t").items;
  });
  expect(shown[0]).toHaveLength(3);
  expect(shown[1]).toEqual(shown[0]);
});

/** Each look at it takes a tenth of a second. */
class SlowClock extends VirtualClock {
  #looks = 0;

  override monotonic(): number {
    return super.monotonic() + 100 * this.#looks++;
  }
}

test.each(["newest", "oldest"] as const)("a search that takes long says how far it came, and goes on (%s)", (order) => {
  const history = new History({ path: ":memory:", clock: new SlowClock(began + 600_000) });
  open.push(history);
  const at = (index: number): number => (order === "newest" ? 500 - index / 100 : index / 100);
  for (let index = 0; index < 9_000; index++)
    tell(
      history,
      event("task-received", at(index), { uuid: `t${String(index)}`, args: index === 8_990 ? "(9,)" : "()" }),
    );
  const query = { text: "(9,)", order } as const;
  const [from, way] = order === "newest" ? [began + 600_000, -1] : [began, 1];
  const found: string[] = [];
  let reached = from;
  let page = history.tasks(query);
  let pages = 1;
  for (; page.next !== undefined; page = history.tasks({ ...query, after: page.next }), pages++) {
    found.push(...page.items.map(({ id }) => id));
    expect(Math.sign((page.searchedTo ?? NaN) - reached)).toBe(way);
    reached = page.searchedTo ?? NaN;
  }
  found.push(...page.items.map(({ id }) => id));
  expect(found).toEqual(["t8990"]);
  expect(page.searchedTo).toBeUndefined();
  expect(pages).toBeGreaterThan(2);
});

// Rows and counts are asked at once and answered one after the other: 150 ms each were more than the 300 that a page may take.
test("counting by a text gives up earlier than looking for rows, and says that it did", () => {
  const history = new History({ path: ":memory:", clock: new SlowClock(began + 600_000) });
  open.push(history);
  for (let index = 0; index < 3_000; index++)
    tell(history, event("task-received", index / 100, { uuid: `t${String(index)}`, args: "(9,)" }));
  const { total, atLeast } = history.counts({ text: "(9,)" });
  expect(total).toBe(1_000);
  expect(atLeast).toContain("succeeded");
});

test("rows of some tasks are those of their pages, in the order that was asked for", () => {
  const history = historyAt();
  tell(history, event("task-received", 1, { uuid: "r1" }), event("task-received", 2, { uuid: "r2", name: "mail" }));
  const rows = history.rows(["r2", "nobody", "r1"]);
  expect(rows).toEqual([history.task("r2")?.row, history.task("r1")?.row]);
  expect(rows.map(({ id }) => id)).toEqual(["r2", "r1"]);
});

test("schedules tell of their ticks, and what became of each", () => {
  const history = historyAt();
  tell(history, event("celeriac-schedule", 1, { schedule: "nightly", tick: began, uuid: "n1" }));
  tell(history, event("task-received", 2, { uuid: "n1", name: "backup" }), event("task-succeeded", 5, { uuid: "n1" }));
  expect(history.ticks("nightly")).toMatchObject([
    { tick: began, sent: began + 1_000, id: "n1", row: { state: "succeeded" } },
  ]);
  expect(history.ticks("weekly")).toEqual([]);
  const about = { schedule: "hourly", tick: new Date(began).toISOString(), uuid: null };
  tell(history, event("celeriac-schedule", 2, { ...about, outcome: "skipped", why: "missed" }));
  tell(history, event("celeriac-schedule", 1, { ...about, outcome: "waiting", why: "the run before" }));
  expect(history.ticks("hourly")).toEqual([{ tick: began, sent: began + 2_000, outcome: "skipped", why: "missed" }]);
  tell(history, event("celeriac-schedule", 3, { ...about, uuid: "n2", outcome: "sent", why: "late" }));
  expect(history.ticks("hourly")).toMatchObject([{ sent: began + 3_000, id: "n2", outcome: "sent", why: "late" }]);
});
