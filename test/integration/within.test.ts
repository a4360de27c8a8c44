/** Enqueueing inside a transaction of the user's own: his rows and the task are there together, or neither is. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type App, type AppOptions, chord, createApp, group, type SqliteConnection } from "../../src/index.ts";

let folder: string;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-within-"));
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name = "shop.db"): string => join(folder, name);

function database(path = file()): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 60_000 });
  db.exec("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)");
  closing.push(() => {
    if (db.isOpen) db.close();
  });
  return db;
}

function shop(options: AppOptions = {}): App {
  const app = createApp({ broker: `sqlite:${file()}?embed`, ...options });
  closing.push(() => app.close());
  return app;
}

function tasks(app: App) {
  const ran: number[] = [];
  const receipt = app.task("receipt", ({ order }: { order: number }) => {
    ran.push(order);
    return order;
  });
  const total = app.task("total", { positional: ["orders"] }, ({ orders }: { orders: number[] }) =>
    orders.reduce((sum, each) => sum + each, 0),
  );
  return { ran, receipt, total };
}

const count = (db: DatabaseSync, table: string): unknown =>
  Object.values(db.prepare(`SELECT count(*) FROM ${table}`).get() ?? {})[0];

describe("a call within a transaction", () => {
  test("is sent by the commit, with the rows beside it", async () => {
    const [db, app] = [database(), shop()];
    const { receipt, ran } = tasks(app);
    const queue = await app.within(db);
    await using _worker = await app.work({ pool: "inline" });
    db.exec("BEGIN");
    db.prepare("INSERT INTO orders VALUES (7)").run();
    const sent = queue.enqueue(receipt.si({ order: 7 }));
    db.exec("COMMIT");
    expect(await sent.get({ timeout: "60s" })).toBe(7);
    expect(ran).toEqual([7]);
    expect(count(db, "orders")).toBe(1);
  });

  test("is gone with a rollback, and its id is free again", async () => {
    const [db, app] = [database(), shop()];
    const { receipt, ran } = tasks(app);
    const queue = await app.within(db);
    await using _worker = await app.work({ pool: "inline" });
    db.exec("BEGIN IMMEDIATE");
    queue.enqueue(receipt.si({ order: 1 }), { id: "receipt-1" });
    db.exec("ROLLBACK");
    expect(count(db, "celeriac_task")).toBe(0);
    db.exec("BEGIN IMMEDIATE");
    const again = queue.enqueue(receipt.si({ order: 2 }), { id: "receipt-1" });
    db.exec("COMMIT");
    expect(again.duplicate).toBe(false);
    expect(await again.get({ timeout: "60s" })).toBe(2);
    expect(ran).toEqual([2]);
  });

  test("is a duplicate where its id was enqueued before, within or without", async () => {
    const [db, app] = [database(), shop()];
    const { receipt } = tasks(app);
    const queue = await app.within(db);
    await receipt.enqueue({ order: 1 }, { id: "receipt-1" });
    db.exec("BEGIN");
    expect(queue.enqueue(receipt.si({ order: 1 }), { id: "receipt-1" }).duplicate).toBe(true);
    expect(queue.enqueue(receipt.si({ order: 2 }), { id: "receipt-2" }).duplicate).toBe(false);
    db.exec("COMMIT");
    expect((await receipt.enqueue({ order: 2 }, { id: "receipt-2" })).duplicate).toBe(true);
    expect(count(db, "celeriac_task")).toBe(2);
  });

  test("may be a workflow: all of it is sent, or none", async () => {
    const [db, app] = [database(), shop()];
    const { receipt, total, ran } = tasks(app);
    const queue = await app.within(db);
    await using _worker = await app.work({ pool: "inline" });
    const workflow = chord([receipt.si({ order: 1 }), receipt.si({ order: 2 })], total.s());
    db.exec("BEGIN IMMEDIATE");
    queue.enqueue(workflow);
    db.exec("ROLLBACK");
    expect([count(db, "celeriac_task"), count(db, "celeriac_join")]).toEqual([0, 0]);
    db.exec("BEGIN IMMEDIATE");
    const sent = queue.enqueue(workflow);
    db.exec("COMMIT");
    expect(await sent.get({ timeout: "60s" })).toBe(3);
    expect(new Set(ran)).toEqual(new Set([1, 2]));
    expect(ran).toHaveLength(2);
  });

  test("is seen by nobody while the transaction is open, and wakes an idle worker of another connection after it", async () => {
    const [db, app, other] = [database(), shop(), shop()];
    const { receipt, ran } = tasks(app);
    const queue = await other.within(db);
    await using _worker = await app.work({ pool: "inline" });
    expect(await receipt.delay({ order: 0 }).then((sent) => sent.get({ timeout: "60s" }))).toBe(0);
    db.exec("BEGIN IMMEDIATE");
    const sent = queue.enqueue(receipt.si({ order: 1 }));
    const idle = count(db, "celeriac_idle");
    // Longer than a worker's own look at the file takes.
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(ran).toEqual([0]);
    db.exec("COMMIT");
    expect(idle).toBe(0);
    expect(await app.result<number>(sent.id).get({ timeout: "60s" })).toBe(1);
  });

  test("that is refused leaves the transaction as it was", async () => {
    const [db, app] = [database(), shop({ maxDepth: 2 })];
    const { receipt } = tasks(app);
    const queue = await app.within(db);
    db.exec("BEGIN");
    db.prepare("INSERT INTO orders VALUES (1)").run();
    const three = group([1, 2, 3].map((order) => receipt.si({ order })));
    expect(() => queue.enqueue(three)).toThrow(expect.objectContaining({ code: "QUEUE_FULL" }));
    expect(() => queue.enqueue(receipt.si({ order: 1n as unknown as number }), { id: "a b" })).toThrow(
      expect.objectContaining({ code: "NAME_INVALID" }),
    );
    queue.enqueue(receipt.si({ order: 4 }));
    db.exec("COMMIT");
    expect([count(db, "orders"), count(db, "celeriac_task")]).toEqual([1, 1]);
  });
});

describe("within is refused", () => {
  test("without a transaction", async () => {
    const [db, app] = [database(), shop()];
    const queue = await app.within(db);
    expect(() => queue.enqueue(tasks(app).receipt.si({ order: 1 }))).toThrow(
      expect.objectContaining({ code: "NOT_IN_TRANSACTION" }),
    );
  });

  test("in a transaction that is open before the tables are made", async () => {
    const db = database();
    db.exec("BEGIN");
    await expect(shop().within(db)).rejects.toMatchObject({ code: "NOT_IN_TRANSACTION" });
  });

  test("for another broker", async () => {
    await expect(shop({ broker: "memory:" }).within(database())).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("for another file, also where the queue is attached to it", async () => {
    const app = shop();
    await app.within(database());
    const other = database(file("other.db"));
    await expect(app.within(other)).rejects.toMatchObject({ code: "DATABASE_DIFFERS" });
    other.exec(`ATTACH '${file()}' AS queue`);
    await expect(app.within(other)).rejects.toMatchObject({
      code: "DATABASE_DIFFERS",
      message: expect.stringContaining('attached as "queue"') as string,
    });
    await expect(app.within(new DatabaseSync(":memory:"))).rejects.toMatchObject({ code: "DATABASE_DIFFERS" });
  });

  test("for a database of another program, unless the URL says embed", async () => {
    const app = shop({ broker: `sqlite:${file()}` });
    await expect(app.within(database())).rejects.toMatchObject({ code: "DATABASE_FOREIGN" });
  });

  test("for what is no connection", async () => {
    await expect(shop().within({} as SqliteConnection)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

/** The shape of better-sqlite3: `inTransaction`, rows as objects, numbers as bigints where that is asked for. */
class OtherLibrary {
  readonly #db: DatabaseSync;
  readonly inTransactionOf: () => boolean;
  constructor(db: DatabaseSync) {
    this.#db = db;
    this.inTransactionOf = () => db.isTransaction;
  }
  get inTransaction(): boolean {
    return this.inTransactionOf();
  }
  prepare(sql: string) {
    const statement: StatementSync = this.#db.prepare(sql);
    statement.setReadBigInts(true);
    return {
      run: (...values: SQLInputValue[]) => statement.run(...values),
      get: (...values: SQLInputValue[]) => statement.get(...values),
      all: (...values: SQLInputValue[]) => statement.all(...values),
    };
  }
  exec(sql: string): this {
    this.#db.exec(sql);
    return this;
  }
}

describe("a connection with an SQLite of its own", () => {
  test("enqueues in an app that does nothing else", async () => {
    const db = database();
    const app = shop();
    const { receipt } = tasks(app);
    const queue = await app.within(new OtherLibrary(db));
    db.exec("BEGIN");
    const sent = queue.enqueue(receipt.si({ order: 1 }), { delay: "1h" });
    expect(queue.enqueue(receipt.si({ order: 1 }), { id: sent.id }).duplicate).toBe(true);
    db.exec("COMMIT");
    expect(count(db, "celeriac_task")).toBe(1);
    await expect(receipt.delay({ order: 2 })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("is refused where the app has the file open already", async () => {
    const db = database();
    const app = shop();
    await tasks(app).receipt.delay({ order: 1 });
    await expect(app.within(new OtherLibrary(db))).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });
});
