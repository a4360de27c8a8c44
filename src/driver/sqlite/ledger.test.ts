/** The ledger's tables: in files that were made before it, after a restart of the machine, and when nobody consumes from the file. */

import { DatabaseSync } from "node:sqlite";

import { afterEach, expect, it } from "vitest";

import type { Ledger, Start } from "../../port/ledger.ts";
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

function ledgerOf(backend: SqliteBackend): Ledger {
  if (backend.store.ledger === undefined) throw new Error("no ledger");
  return backend.store.ledger;
}

function start(id: string): Start {
  const nonce = crypto.randomUUID();
  return { id, attempt: 1, messageId: "m", redelivered: false, worker: "w", blame: "suspect", nonce };
}

const count = (path: string, table: string): number =>
  direct(path, (db) => Number(db.prepare(`SELECT count(*) AS n FROM celeriac_${table}`).get()?.["n"]));

it("is added to a file that was made without it", async () => {
  const path = bench.file();
  await (await bench.open(path)).close();
  direct(path, (db) => db.exec("DROP TABLE celeriac_start; DROP TABLE celeriac_hold"));
  const backend = await bench.open(path);
  expect(await ledgerOf(backend).begin([start("a")])).toMatchObject([{ kind: "go" }]);
  expect(direct(path, (db) => db.prepare("PRAGMA user_version").get())).toEqual({ user_version: 1 });
});

it("gives back at once what was kept when the machine went down", async () => {
  const path = bench.file();
  const former = await bench.open(path);
  const [begun] = await ledgerOf(former).begin([start("a")]);
  if (begun?.kind !== "go") throw new Error("not begun");
  const hold = { id: "a", fence: begun.fence, queue: "q", raw: new Uint8Array(3) };
  expect(await ledgerOf(former).take([hold], 600_000)).toEqual(["held"]);
  await former.kill();
  direct(path, (db) => db.exec("UPDATE celeriac_meta SET value = 'another' WHERE key = 'boot'"));
  const backend = await bench.open(path);
  expect(await ledgerOf(backend).expired(1_000, 10)).toMatchObject([{ id: "a", fence: begun.fence }]);
});

it("is tidied by who only keeps results and starts in the file, all but what is kept", async () => {
  const path = bench.file();
  const backend = await bench.open(path);
  const ids = Array.from({ length: 700 }, (_, n) => `id ${n}`);
  const answers = await ledgerOf(backend).begin(ids.map((id) => start(id)));
  const [first] = answers;
  if (first?.kind !== "go") throw new Error("not begun");
  await ledgerOf(backend).take([{ id: "id 0", fence: first.fence, queue: "q", raw: new Uint8Array(1) }], 600_000);
  direct(path, (db) => db.exec("UPDATE celeriac_start SET until = 1 WHERE until IS NOT NULL"));
  await until("the rows to be gone", () => count(path, "start") === 1);
  expect(await ledgerOf(backend).renew([{ id: "id 0", fence: first.fence }], 1_000)).toEqual([true]);
  expect(count(path, "hold")).toBe(1);
});
