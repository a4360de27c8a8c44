/**
 * Files of older versions, opened by today's keeper. `fixtures/history-vN.sql` is what the keeper of version N made of the same events: two days of
 * nobody's looking must not cost anybody what was kept. A new version brings its own file here.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { began } from "./fixtures/stream.ts";
import { History } from "./history.ts";
import { schemaVersion, upgrades } from "./schema.ts";

type Rows = readonly Readonly<Record<string, unknown>>[];

const versions = Array.from({ length: schemaVersion }, (_, index) => index + 1);
const dumpOf = (version: number): string =>
  readFileSync(new URL(`fixtures/history-v${String(version)}.sql`, import.meta.url), "utf8");

let folder: string;
const open: History[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-upgrade-"));
});
afterEach(() => {
  for (const history of open.splice(0)) history.close();
  rmSync(folder, { recursive: true });
});

/** A file as that version left it. */
function fileOf(version: number): string {
  const path = join(mkdtempSync(join(folder, "v-")), "history.db");
  const sql = new DatabaseSync(path);
  sql.exec(`BEGIN; ${dumpOf(version)} COMMIT`);
  sql.close();
  return path;
}

function openHistory(path: string): History {
  const warn = ({ text }: { readonly text: string }): void => expect.unreachable(text);
  const history = new History({ path, clock: new VirtualClock(began + 60_000), warn });
  open.push(history);
  return history;
}

function tablesOf(path: string): ReadonlyMap<string, Rows> {
  const sql = new DatabaseSync(path, { readOnly: true });
  const names = sql.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
  const tables = new Map(
    names.map(({ name }) => [String(name), sql.prepare(`SELECT * FROM ${String(name)}`).all() as Rows]),
  );
  sql.close();
  return tables;
}

/** What its pages say. */
function told(history: History): object {
  const at = began + 60_000;
  const rows = history.tasks({ at, limit: 200 }).items;
  return {
    rows,
    details: rows.map(({ id }) => history.task(id, at)),
    logs: rows.map(({ id }) => history.log(id, { at })),
    before: history.tasks({ at: began + 15_000, limit: 200 }).items,
    counts: history.counts({ at }),
    overview: history.overview({ at, from: began, until: at }),
    // Rates are what was counted when the events came: the first keeper did not count a task that came back after its end.
    queues: history.queues(at).items.map(({ rateIn: _in, rateOut: _out, ...rest }) => rest),
    workers: history.workers(at),
    lives: ["js1@host", "js2@host"].map((name) => history.worker(name, at)),
    ticks: history.ticks("nightly"),
    workflows: history.workflows({ at }),
    workflow: history.workflow("flow-root", at),
    another: history.workflow("0f8fad5b-d9cb-469f-a165-70867728950e", at),
    names: history.names(),
  };
}

test("every version of the file has its fixture and its step", () => {
  expect(upgrades).toHaveLength(schemaVersion - 1);
  for (const version of versions) expect(dumpOf(version)).toContain(`PRAGMA user_version = ${String(version)};`);
});

describe.each(versions)("a file of version %i", (version) => {
  test("loses no row and no column", () => {
    const path = fileOf(version);
    const before = tablesOf(path);
    expect(before.get("task")).toHaveLength(16);
    openHistory(path).close();
    const after = tablesOf(path);
    for (const [name, rows] of before) {
      // When it was swept last is the keeper's own.
      if (name === "fact") continue;
      // Since version 3 a task tells its root by itself; what that says is compared below.
      const same = name === "task" ? rows.map(({ life: _life, ...rest }) => rest) : rows;
      expect(after.get(name), name).toMatchObject(same);
      expect(after.get(name)?.length, name).toBe(rows.length);
    }
  });

  test("is told of as one that today's keeper wrote", () => {
    const today = told(openHistory(fileOf(schemaVersion)));
    expect(told(openHistory(fileOf(version)))).toEqual(today);
    expect(today).toMatchObject({
      counts: { total: 16, states: { queued: 2, succeeded: 13, failed: 1 } },
      ticks: [{ tick: began + 4_000, id: "flow-root" }],
      workflow: { total: 3 },
      another: { total: 2 },
    });
  });

  test("goes on with all that is new since", () => {
    const path = fileOf(version);
    const history = openHistory(path);
    const own = { hostname: "js1@host", utcoffset: 0, pid: 7, clock: 9, timestamp: (began + 50_000) / 1000 };
    const events: readonly CeleryEvent[] = [
      {
        ...own,
        type: "celeriac-schedule",
        schedule: "nightly",
        tick: began + 9_000,
        uuid: null,
        outcome: "skipped",
        why: "missed",
      },
      { ...own, type: "task-received", uuid: "late", name: "shop.step", root_id: "flow-root", parent_id: "flow-left" },
    ];
    history.ingest({ events, missed: 0 });
    expect(history.ticks("nightly")).toMatchObject([{ outcome: "skipped", why: "missed" }, { id: "flow-root" }]);
    expect(history.workflow("flow-root")?.total).toBe(4);
    history.close();
    expect(openHistory(path).task("late")).toBeDefined();
  });
});

test("a file whose upgrade fails stays as it was", () => {
  const path = fileOf(1);
  const sql = new DatabaseSync(path);
  // The second step makes this table too.
  sql.exec("CREATE TABLE planned (id INTEGER)");
  sql.close();
  const before = tablesOf(path);
  expect(() => openHistory(path)).toThrow();
  expect(tablesOf(path)).toEqual(before);
});
