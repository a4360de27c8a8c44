/** The store of results dies while the broker lives, for longer than a lease: what had ended keeps its lease, says so, and is stored when the store is back. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/index.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

/** Ms; a thread that renews has to come up in it, also on a busy machine. */
const lease = 6_000;

describeWith("redis-server", "a store of results that dies", () => {
  let store: RedisServer;
  let messages: RedisServer;
  let folder: string;
  beforeAll(async () => {
    [store, messages] = await Promise.all([startRedis({ appendonly: true }), startRedis()]);
    folder = mkdtempSync(join(tmpdir(), "celeriac-outage-"));
  });
  afterAll(async () => {
    await Promise.all([store.stop(), messages.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(["sqlite", "redis"] as const)(
    "costs no result and no second run, beside a broker on %s",
    async (kind) => {
      await store.cli("FLUSHALL");
      const broker = kind === "redis" ? messages.url : `sqlite:${join(folder, "queue.db")}`;
      await using app = createApp({ broker, results: store.url });
      const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const runs: string[] = [];
      const one = app.task("t.one", async ({ n }: { n: number }, ctx) => {
        runs.push(ctx.id);
        if (runs.length === 2) begun.resolve();
        await gate.promise;
        return n;
      });
      await using worker = await app.work({ pool: "inline", concurrency: 2, lease: `${lease}ms`, sweep: "200ms" });
      const sent = await one.enqueueMany([0, 1, 2, 3].map((n) => ({ n })));
      await begun.promise;
      let told = Promise.withResolvers<void>();
      using _warned = worker.on("worker:warning", ({ code }) => {
        if (code === "SETTLE_REPEATED") told.resolve();
      });
      await store.kill();
      gate.resolve();
      // It says so again and again, for longer than what it holds is leased.
      for (const since = performance.now(); performance.now() - since < 1.2 * lease;) {
        await told.promise;
        told = Promise.withResolvers();
      }
      // The broker takes new work; nothing begins that could not be registered.
      const all = [...sent, ...(await one.enqueueMany([{ n: 4 }]))];
      expect(new Set(runs).size).toBe(2);
      await store.restart();
      expect(await Promise.all(all.map((each) => each.get({ timeout: "25s" })))).toEqual([0, 1, 2, 3, 4]);
      expect(runs.length).toBe(new Set(runs).size);
      expect((await app.dead.list({}, undefined, 10)).items).toEqual([]);
    },
    60_000,
  );
});
