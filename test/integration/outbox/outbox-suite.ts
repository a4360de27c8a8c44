/** What an outbox promises, whatever database it lies in. The broker is a queue file; `outbox-kills.test.ts` has the others. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { coreOf } from "../../../src/app/app.ts";
import { type App, type AppOptions, chord, createApp, group } from "../../../src/index.ts";
import { createOutbox, type Outbox } from "../../../src/outbox/index.ts";
import { clearPlace, openPlace, type Place, Reports } from "./place.ts";

/** Generous: only what never happens may run into it. */
const patience = { timeout: 60_000 } as const;

export function outboxSuite(start: () => Promise<{ readonly address: string; stop(): Promise<void> }>): void {
  let server: Awaited<ReturnType<typeof start>>;
  let place: Place;
  let folder: string;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await start();
    place = await openPlace(server.address);
  });
  afterAll(async () => {
    await place?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "celeriac-outbox-"));
    await clearPlace(place);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    rmSync(folder, { recursive: true, force: true });
  });

  function shop(options: AppOptions = {}) {
    const app = createApp({ broker: `sqlite:${join(folder, "queue.db")}`, ...options });
    closing.push(() => app.close());
    const ran: number[] = [];
    const receipt = app.task("receipt", ({ order }: { order: number }) => {
      ran.push(order);
      return order;
    });
    const other = app.task("other", { queue: "other" }, ({ order }: { order: number }) => order);
    const total = app.task("total", { positional: ["orders"] }, ({ orders }: { orders: number[] }) =>
      orders.reduce((sum, each) => sum + each, 0),
    );
    return { app, ran, receipt, other, total, outbox: outboxOf(app) };
  }

  const outboxOf = (app: App): Outbox => createOutbox(app, { dialect: place.dialect, connect: () => place.connect() });
  const waiting = async (): Promise<number> =>
    Number((await place.rows("SELECT count(*) AS n FROM celeriac_outbox"))[0]?.["n"]);
  const queued = async (app: App): Promise<number> =>
    (await app.queues.list()).reduce((sum, { ready }) => sum + ready.reduce((all, { count }) => all + count, 0), 0);
  const idsIn = async (app: App, queue: string, where: "ready" | "delayed"): Promise<readonly unknown[]> => {
    const { items } = await app.queues.browse(queue, where, undefined, 200);
    return items.map(({ raw }) => (JSON.parse(Buffer.from(raw).toString()) as { headers: { id: unknown } }).headers.id);
  };

  test("sends what a transaction has written, and nothing of one that was rolled back", async () => {
    const { app, ran, receipt, outbox } = shop();
    await using _worker = await app.work({ pool: "inline" });
    await using _relay = await outbox.relay({ poll: "20ms" });
    const lost = place.transaction(async (query) => {
      await query("INSERT INTO orders VALUES (1)", []);
      await outbox.add(query, receipt.si({ order: 1 }));
      throw new Error("no money");
    });
    await expect(lost).rejects.toThrow("no money");
    const kept = Promise.withResolvers<string>();
    await place.transaction(async (query) => {
      await query("INSERT INTO orders VALUES (2)", []);
      kept.resolve((await outbox.add(query, receipt.si({ order: 2 }))).id);
    });
    expect(await app.result<number>(await kept.promise).get({ timeout: "60s" })).toBe(2);
    expect(ran).toEqual([2]);
    await expect.poll(waiting, patience).toBe(0);
  });

  test("fixes id, times and options when the row is written", async () => {
    const { app, receipt, outbox } = shop();
    await place.transaction(async (query) => {
      const sent = await outbox.add(query, receipt.si({ order: 1 }), { id: "receipt-1", delay: "1h", priority: 3 });
      expect(sent.id).toBe("receipt-1");
    });
    const [row] = await place.rows("SELECT id, queue FROM celeriac_outbox");
    expect(row).toMatchObject({ id: "receipt-1", queue: "celery" });
    await using _relay = await outbox.relay({ poll: "20ms" });
    await expect.poll(waiting, patience).toBe(0);
    expect(await idsIn(app, "celery", "delayed")).toEqual(["receipt-1"]);
  });

  test("sends a row once though a relay died between publish and delete", async () => {
    const { app, receipt, outbox } = shop();
    await place.transaction(async (query) => {
      await outbox.add(query, receipt.si({ order: 1 }));
      await outbox.add(query, receipt.si({ order: 2 }), { id: "receipt-2" });
    });
    const rows = await place.rows("SELECT id, queue, size, message FROM celeriac_outbox ORDER BY seq");
    const first = await outbox.relay({ poll: "20ms" });
    await expect.poll(waiting, patience).toBe(0);
    await first.stop();
    // The rows as the dead one would have left them: published, and still there.
    await place.transaction(async (query) => {
      for (const { id, queue, size, message } of rows)
        await query(
          place.dialect === "postgres"
            ? "INSERT INTO celeriac_outbox (id, queue, size, message) VALUES ($1, $2, $3, $4)"
            : "INSERT INTO celeriac_outbox (id, queue, size, message) VALUES (?, ?, ?, ?)",
          [id, queue, size, message] as (string | number)[],
        );
    });
    await using _second = await outbox.relay({ poll: "20ms" });
    await expect.poll(waiting, patience).toBe(0);
    expect(await queued(app)).toBe(2);
  });

  test("sends workflows whole, chords with their bodies", async () => {
    const { app, receipt, total, outbox } = shop();
    await using _worker = await app.work({ pool: "inline" });
    await using _relay = await outbox.relay({ poll: "20ms" });
    const ids: string[] = [];
    await place.transaction(async (query) => {
      ids.push((await outbox.add(query, chord([receipt.si({ order: 1 }), receipt.si({ order: 2 })], total.s()))).id);
      await outbox.add(query, group([receipt.si({ order: 3 }), receipt.si({ order: 4 })]));
    });
    expect(await app.result<number>(ids[0] ?? "").get({ timeout: "60s" })).toBe(3);
  });

  test("keeps the order of rows, and shares them among relays", async () => {
    const { app, ran, receipt, outbox } = shop();
    const orders = Array.from({ length: 40 }, (_, index) => index);
    const written: string[] = [];
    await place.transaction(async (query) => {
      for (const order of orders) written.push((await outbox.add(query, receipt.si({ order }))).id);
    });
    const one = await outbox.relay({ poll: "20ms", batch: 7 });
    await expect.poll(waiting, patience).toBe(0);
    await one.stop();
    expect(await idsIn(app, "celery", "ready")).toEqual(written);
    await place.transaction(async (query) => {
      for (const order of orders) await outbox.add(query, receipt.si({ order: 100 + order }));
    });
    const relays = await Promise.all([1, 2, 3].map(() => outbox.relay({ poll: "20ms", batch: 5 })));
    await expect.poll(waiting, patience).toBe(0);
    for (const relay of relays) await relay.stop();
    await using _worker = await app.work({ pool: "inline", concurrency: 1 });
    await expect.poll(() => ran.length, patience).toBe(80);
    expect(new Set(ran).size).toBe(80);
  });

  test("leaves rows for a queue that is full, and lets others pass", async () => {
    const { app, receipt, other, outbox } = shop({ maxDepth: 2 });
    const reports = new Reports();
    await place.transaction(async (query) => {
      for (const order of [1, 2, 3]) await outbox.add(query, receipt.si({ order }));
      await outbox.add(query, other.si({ order: 4 }));
    });
    await using _relay = await outbox.relay({ poll: "20ms", batch: 2, report: reports.take });
    expect(await reports.first("full")).toMatchObject({ queues: ["celery"] });
    await expect.poll(() => idsIn(app, "other", "ready").then((ids) => ids.length), patience).toBe(1);
    await expect.poll(waiting, patience).toBe(1);
    await app.queues.purge("celery", { ready: true, delayed: false });
    await expect.poll(waiting, patience).toBe(0);
  });

  test("sets aside what cannot be read, and sends what is behind it", async () => {
    const { app, receipt, outbox } = shop();
    const reports = new Reports();
    await place.rows("INSERT INTO celeriac_outbox (id, queue, size, message) VALUES ('x', 'celery', 1, '{}')");
    await place.transaction(async (query) => void (await outbox.add(query, receipt.si({ order: 1 }))));
    await using _relay = await outbox.relay({ poll: "20ms", report: reports.take });
    expect(await reports.first("set-aside")).toMatchObject({
      why: expect.stringContaining("MESSAGE_UNDECODABLE") as string,
    });
    await reports.first("sent");
    expect(await place.rows("SELECT id FROM celeriac_outbox WHERE trouble IS NOT NULL")).toMatchObject([{ id: "x" }]);
    expect(await queued(app)).toBe(1);
  });

  test("sets aside each row that nobody packed, and stands still before none", async () => {
    const { app, receipt, outbox } = shop();
    const aside: string[] = [];
    const strange = [
      '{"version":1,"sends":[null],"joins":[]}',
      '{"version":1,"sends":[],"joins":[null]}',
      '{"version":1,"sends":[{"queue":"unacked","once":"a","nonce":"b","window":1,"envelope":"{}"}],"joins":[]}',
      "null",
    ];
    for (const [index, text] of strange.entries())
      await place.rows(
        `INSERT INTO celeriac_outbox (id, queue, size, message) VALUES ('x${String(index)}', 'celery', 1, '${text}')`,
      );
    await place.transaction(async (query) => void (await outbox.add(query, receipt.si({ order: 1 }))));
    const told = Promise.withResolvers<void>();
    await using _relay = await outbox.relay({
      poll: "20ms",
      report: (event) => {
        if (event.type === "set-aside") aside.push(event.why.split(":")[0] ?? "");
        if (event.type === "sent") told.resolve();
        if (event.type === "trouble") told.reject(event.error as Error);
      },
    });
    await told.promise;
    await expect.poll(() => aside.length, patience).toBe(strange.length);
    expect(aside.toSorted()).toEqual([
      "MESSAGE_UNDECODABLE",
      "MESSAGE_UNDECODABLE",
      "MESSAGE_UNDECODABLE",
      "NAME_INVALID",
    ]);
    expect(await queued(app)).toBe(1);
  });

  test("waits while the broker is away, and goes on when it is back", async () => {
    const { app, receipt, outbox } = shop({ publishTimeout: "300ms" });
    const reports = new Reports();
    const backend = await coreOf(app).connect();
    const publish = backend.broker.publish.bind(backend.broker);
    let away = true;
    Object.assign(backend.broker, {
      publish: (...call: Parameters<typeof publish>) =>
        away ? Promise.reject(new Error("no route")) : publish(...call),
    });
    await place.transaction(async (query) => void (await outbox.add(query, receipt.si({ order: 1 }))));
    await using _relay = await outbox.relay({ poll: "20ms", report: reports.take });
    await reports.first("trouble");
    expect(await waiting()).toBe(1);
    away = false;
    await reports.first("recovered");
    await expect.poll(waiting, patience).toBe(0);
    expect(await queued(app)).toBe(1);
  });

  test("ends with its signal and with the app, and gives its connection back", async () => {
    const { app, outbox } = shop();
    let open = 0;
    const counted = createOutbox(app, {
      dialect: place.dialect,
      connect: async () => {
        const connection = await place.connect();
        open++;
        return {
          query: connection.query,
          close: (error) => {
            open--;
            return connection.close(error);
          },
        };
      },
    });
    const controller = new AbortController();
    const first = await counted.relay({ signal: controller.signal });
    const second = await counted.relay();
    await expect.poll(() => open, patience).toBe(2);
    controller.abort();
    await first.closed;
    expect(open).toBe(1);
    await app.close();
    await second.closed;
    expect(open).toBe(0);
    await expect(outbox.relay({ batch: 0 })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
}
