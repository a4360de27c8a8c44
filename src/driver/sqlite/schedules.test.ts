/** The tables of schedules: in files that were made before them, and after the death of their process. */

import { DatabaseSync } from "node:sqlite";

import { afterEach, expect, it } from "vitest";

import { Bench } from "./fixtures/harness.ts";

const bench = new Bench();
afterEach(() => bench.clear());

it("are added to a file that was made without them", async () => {
  const path = bench.file();
  await (await bench.open(path)).close();
  const db = new DatabaseSync(path);
  db.exec(
    "DROP TABLE celeriac_fact; DROP TABLE celeriac_begun; DROP TABLE celeriac_dropped; DROP INDEX celeriac_fired_order; CREATE INDEX celeriac_fired_at ON celeriac_fired(at)",
  );
  db.close();
  const { control, lease } = await bench.open(path);
  expect(await control.set([{ kind: "k", key: "a", value: "1" }])).toBeGreaterThan(0);
  const term = await lease.acquire("beat", "a", 10_000);
  if (term === undefined) throw new Error("nobody held it");
  expect(await lease.fire(term, "s", 1_000, [])).toBe("fired");
  expect(await lease.begin(term, "s", 2_000, "")).toBe("begun");
});

it("keep what a process had been answered that then died", async () => {
  const path = bench.file();
  const former = await bench.open(path);
  const term = await former.lease.acquire("beat", "a", 10_000);
  if (term === undefined) throw new Error("nobody held it");
  const version = await former.control.set([{ kind: "k", key: "a", value: "1" }]);
  await former.lease.fire(term, "s", 1_000, []);
  await former.lease.begin(term, "s", 2_000, "id");
  await former.kill();
  const { control, lease } = await bench.open(path);
  expect(await control.changes(0)).toMatchObject({ version, changed: [{ key: "a", value: "1" }] });
  expect(await lease.fired("s", 9)).toEqual([{ tick: 1_000, id: undefined }]);
  expect(await lease.begin(term, "s", 2_000, "id")).toBe("begun-before");
});
