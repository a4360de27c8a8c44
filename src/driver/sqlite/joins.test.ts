/** The tables of joins: in files that were made before them, after a restart of the machine, and what is left of joins that are over. */

import { DatabaseSync } from "node:sqlite";

import { afterEach, expect, it } from "vitest";

import type { Arrival, Joins, OpenJoin } from "../../port/joins.ts";
import { Bench, until } from "./fixtures/harness.ts";
import type { SqliteBackend } from "./index.ts";

const bench = new Bench();
afterEach(() => bench.clear());

function direct<T>(path: string, run: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { timeout: 30_000 });
  try {
    return run(db);
  } finally {
    db.close();
  }
}

function joinsOf(backend: SqliteBackend): Joins {
  if (backend.store.joins === undefined) throw new Error("no joins");
  return backend.store.joins;
}

const join = (group: string, size: number, rest: Partial<OpenJoin> = {}): OpenJoin => ({
  group,
  size,
  body: new Uint8Array(3),
  ttl: 600_000,
  ...rest,
});
const arrivals = (group: string, count: number): Arrival[] =>
  Array.from({ length: count }, (_, index) => ({
    group,
    member: String(index),
    index,
    state: "SUCCESS",
    value: new Uint8Array(2),
    ttl: 600_000,
  }));

const count = (path: string, table: string): number =>
  direct(path, (db) => Number(db.prepare(`SELECT count(*) AS n FROM celeriac_${table}`).get()?.["n"]));

it("are added to a file that was made without them", async () => {
  const path = bench.file();
  await (await bench.open(path)).close();
  const tables = ["join", "join_body", "member", "grown", "group"];
  direct(path, (db) => db.exec(tables.map((table) => `DROP TABLE celeriac_${table};`).join("")));
  const joins = joinsOf(await bench.open(path));
  await joins.open([join("a", 1)]);
  expect(await joins.arrive(arrivals("a", 1))).toMatchObject([{ full: true }]);
});

it("are to be looked after when the machine went down, for all who sent and all who closed are gone", async () => {
  const path = bench.file();
  const former = joinsOf(await bench.open(path));
  await former.open([join("full", 1), join("unsent", 2, { sending: 600_000 }), join("filling", 2)]);
  await former.arrive(arrivals("full", 1));
  expect(await former.stale(1_000, 10)).toEqual([]);
  direct(path, (db) => db.exec("UPDATE celeriac_meta SET value = 'another' WHERE key = 'boot'"));
  const left = await joinsOf(await bench.open(path)).stale(1_000, 10);
  expect(new Map(left.map(({ group, why }) => [group, why]))).toEqual(
    new Map([
      ["full", "full"],
      ["unsent", "unsent"],
    ]),
  );
});

it("leave nothing behind when they are closed or over, also where nobody consumes", async () => {
  const path = bench.file();
  const joins = joinsOf(await bench.open(path));
  await joins.open([join("large", 2_000), join("over", 3), join("stays", 3)]);
  expect(await joins.grow("over", "more")).toBe(true);
  await joins.arrive([...arrivals("large", 1_200), ...arrivals("over", 2), ...arrivals("stays", 2)]);
  await joins.save("saved", new Uint8Array(2), 600_000);
  await joins.save("brief", new Uint8Array(2), 1);
  await joins.close(["large"]);
  direct(path, (db) => db.exec("UPDATE celeriac_join SET until = 1 WHERE grp = 'over'"));
  await until("the members to be gone", () => count(path, "member") === 2);
  await until("the rest to be gone", () => count(path, "join") === 2 && count(path, "group") === 1);
  expect([count(path, "join_body"), count(path, "grown")]).toEqual([1, 0]);
  expect(await joins.arrive(arrivals("stays", 3))).toMatchObject([{}, {}, { arrived: 3, full: true }]);
  expect(await joins.arrive(arrivals("large", 1))).toMatchObject([{ arrived: 0, full: false }]);
});
