/** The store of results dies while the broker lives, for longer than a lease: what had ended keeps its lease, says so, and is stored when the store is back. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/index.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

/** Ms; a thread that renews has to come up in it, also on a busy machine. */
const lease = 10_000;

/** A worker with two slots, and four tasks: two have begun when this resolves. */
async function begin(broker: string, results: string) {
  const app = createApp({ broker, results });
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const runs: string[] = [];
  const one = app.task("t.one", async ({ n }: { n: number }, ctx) => {
    runs.push(ctx.id);
    if (runs.length === 2) begun.resolve();
    await gate.promise;
    return n;
  });
  const worker = await app.work({ pool: "inline", concurrency: 2, lease: `${lease}ms`, sweep: "200ms" });
  const sent = [...(await one.enqueueMany([0, 1, 2, 3].map((n) => ({ n }))))];
  await begun.promise;
  return {
    runs,
    /** The tasks that run end; resolves when it has said again and again, for longer than what it holds is leased, that it cannot store that. */
    async end() {
      let told = Promise.withResolvers<void>();
      using _warned = worker.on("worker:warning", ({ code }) => {
        if (code === "SETTLE_REPEATED") told.resolve();
      });
      gate.resolve();
      for (const since = performance.now(); performance.now() - since < 1.2 * lease;) {
        await told.promise;
        told = Promise.withResolvers();
      }
    },
    async more() {
      sent.push(...(await one.enqueueMany([{ n: 4 }])));
    },
    results: () => Promise.all(sent.map((each) => each.get({ timeout: "60s" }))),
    dead: async () => (await app.dead.list({}, undefined, 10)).items,
    close: () => app.close(),
  };
}

describeWith("redis-server", "a store of results that dies", () => {
  describeWith("rabbitmq-server", "beside brokers of three kinds", () => {
    let store: RedisServer;
    let messages: RedisServer;
    let rabbit: RabbitServer;
    let folder: string;
    const stages: Awaited<ReturnType<typeof begin>>[] = [];
    beforeAll(async () => {
      const kept = { appendonly: true, config: { appendfsync: "always" } } as const;
      [store, messages, rabbit] = await Promise.all([startRedis(kept), startRedis(), startRabbit()]);
      folder = mkdtempSync(join(tmpdir(), "celeriac-outage-"));
    }, 240_000);
    afterAll(async () => {
      await Promise.all(stages.map((stage) => stage.close()));
      await Promise.all([store.stop(), messages.stop(), rabbit.stop()]);
      rmSync(folder, { recursive: true, force: true });
    });

    test("costs no result and no second run", async () => {
      const brokers = [`sqlite:${join(folder, "queue.db")}`, messages.url, rabbit.url];
      stages.push(...(await Promise.all(brokers.map((broker) => begin(broker, store.url)))));
      await store.kill();
      await Promise.all(stages.map((stage) => stage.end()));
      // The broker takes new work; nothing begins that could not be registered.
      for (const stage of stages) {
        await stage.more();
        expect(new Set(stage.runs).size).toBe(2);
      }
      await store.restart();
      for (const { results, runs, dead } of stages) {
        expect(await results()).toEqual([0, 1, 2, 3, 4]);
        expect(runs.length).toBe(new Set(runs).size);
        expect(await dead()).toEqual([]);
      }
    }, 240_000);
  });
});
