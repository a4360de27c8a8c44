/** Messages on SQLite, results on a Redis that stands still: workers that stop meanwhile lose nothing, and what they had begun runs elsewhere. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type App, createApp, type WorkerHandle } from "../../src/index.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

describeWith("redis-server", "a worker whose result store stands still", () => {
  let redis: RedisServer;
  let folder: string;
  let apps: App[] = [];
  let count = 0;
  beforeAll(async () => {
    redis = await startRedis();
    folder = mkdtempSync(join(tmpdir(), "celeriac-away-"));
  });
  afterEach(async () => {
    process.kill(redis.pid, "SIGCONT");
    await Promise.all(apps.map((app) => app.close()));
    apps = [];
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function make(runs: string[], ms: number, publishTimeout: "1s" | "60s" = "1s"): App {
    const app = createApp({
      broker: `sqlite:${join(folder, `${String(count)}.db`)}`,
      results: redis.url,
      publishTimeout,
    });
    app.task("t.one", async ({ n }: { n: number }, ctx) => {
      runs.push(ctx.id);
      await sleep(ms, undefined, { signal: ctx.signal });
      return n;
    });
    apps.push(app);
    return app;
  }
  const work = (app: App): Promise<WorkerHandle> =>
    app.work({ pool: "inline", concurrency: 2, lease: "1m", sweep: "500ms", grace: "200ms" });
  const send = (app: App, n: number) =>
    app.remote<(input: { n: number }) => number>("t.one").enqueue([{ n }], { timeout: "60s" });

  it.each([
    { state: "before a start is answered", ms: 0, before: false, cold: false },
    { state: "before a start is answered, at once", ms: 0, before: false, cold: true },
    { state: "while tasks run", ms: 60_000, before: true, cold: false },
    { state: "while tasks end", ms: 300, before: true, cold: false },
  ])(
    "stops $state: all of it ends with another",
    async ({ ms, before, cold }) => {
      count++;
      const runs: string[] = [];
      const first = make(runs, ms);
      const worker = await work(first);
      const sent = [];
      if (before) for (let n = 0; n < 4; n++) sent.push(await send(first, n));
      await expect.poll(() => runs.length).toBeGreaterThanOrEqual(before ? 2 : 0);
      process.kill(redis.pid, "SIGSTOP");
      if (!before) for (let n = 0; n < 4; n++) sent.push(await send(first, n));
      // Long enough for what ends meanwhile to be on its way to the store.
      await sleep(600);
      await worker.stop({ cold });
      await first.close();
      process.kill(redis.pid, "SIGCONT");
      const second = make(runs, 0, "60s");
      await work(second);
      const ids = sent.map(({ id }) => id);
      const values = ids.map((id) => second.result<number>(id).get({ timeout: "60s" }));
      expect(await Promise.all(values)).toEqual([0, 1, 2, 3]);
      expect((await second.dead.list({}, undefined, 10)).items).toEqual([]);
    },
    240_000,
  );
});
