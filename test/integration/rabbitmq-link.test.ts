/** Links to RabbitMQ that break under running tasks, and runs that outlast the server's patience: each runs to its end, once. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type App, type AsyncResult, createApp, type WorkerEvent } from "../../src/index.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { startProxy, type TcpProxy } from "../server/tcp-proxy.ts";

describeWith("rabbitmq-server", "a long run", () => {
  describeWith("redis-server", "with its result on Redis", () => {
    let rabbit: RabbitServer;
    let redis: RedisServer;
    beforeAll(async () => {
      // The server looks once in a minute at whom it has waited for longer than this.
      [rabbit, redis] = await Promise.all([startRabbit({ config: { consumer_timeout: "5000" } }), startRedis()]);
    });
    afterAll(() => Promise.all([rabbit.stop(), redis.stop()]));

    let apps: App[] = [];
    let proxies: TcpProxy[] = [];
    let count = 0;
    afterEach(async () => {
      await Promise.all(apps.map((app) => app.close()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      [apps, proxies] = [[], []];
    });

    interface Stage {
      readonly app: App;
      readonly proxy: TcpProxy;
      readonly events: WorkerEvent[];
      readonly runs: string[];
    }
    /** A worker behind a proxy; all of one `queue` share their tasks. */
    const worker = async (name: string, queue: string, query = ""): Promise<Stage> => {
      const proxy = await startProxy(rabbit.port);
      const app = createApp({
        name,
        broker: `${rabbit.url.replace(String(rabbit.port), String(proxy.port))}?heartbeat=30${query}`,
        results: redis.url,
        defaultQueue: queue,
      });
      const events: WorkerEvent[] = [];
      const runs: string[] = [];
      app.task("t.wait", async ({ ms }: { ms: number }, ctx) => {
        runs.push(ctx.id);
        // As long as the test says: the task is what takes time here.
        await sleep(ms, undefined, { signal: ctx.signal });
        return `${name} was here`;
      });
      await app.work({
        pool: "inline",
        lease: "20s",
        sweep: "200ms",
        grace: "100ms",
        onEvent: (event) => events.push(event),
      });
      apps.push(app);
      proxies.push(proxy);
      return { app, proxy, events, runs };
    };
    const send = (app: App, ms: number): Promise<AsyncResult<string>> =>
      app.remote<(input: { ms: number }) => string>("t.wait", { queue: queueOf() }).delay({ ms });
    const outcome = (sent: AsyncResult<string>): Promise<string> => sent.get({ timeout: "100s" });
    const queueOf = (): string => `long${String(count)}`;
    const producer = (): App => {
      count++;
      const app = createApp({ name: "producer", broker: rabbit.url, results: redis.url, defaultQueue: queueOf() });
      apps.push(app);
      return app;
    };

    it("goes on when the link breaks, is not begun a second time, and its result is stored", async () => {
      const app = producer();
      const [first, second] = [await worker("first", queueOf()), await worker("second", queueOf())];
      const sent = await send(app, 3000);
      await expect.poll(() => first.runs.length + second.runs.length, { timeout: 60_000 }).toBe(1);
      const holder = first.runs.length === 1 ? first : second;
      holder.proxy.cut();
      expect(await outcome(sent)).toBe(holder === first ? "first was here" : "second was here");
      expect(first.runs.length + second.runs.length).toBe(1);
      await expect.poll(() => holder.events.some(({ type }) => type === "broker:connected")).toBe(true);
      const next = await send(app, 0);
      await outcome(next);
    });

    it("is begun elsewhere when its worker is gone, within seconds", async () => {
      const app = producer();
      const first = await worker("first", queueOf());
      const sent = await send(app, 60_000);
      await expect.poll(() => first.runs.length, { timeout: 60_000 }).toBe(1);
      first.proxy.refuse(true);
      first.proxy.cut();
      // Cut off for good: it keeps its task in the ledger, until it is closed and gives it back.
      const second = await worker("second", queueOf());
      // Longer than any redelivery takes: that nothing happens can't be waited for.
      await sleep(1500);
      expect(second.runs).toEqual([]);
      first.proxy.refuse(false);
      await apps[1]?.close();
      await expect.poll(() => second.runs, { timeout: 60_000 }).toEqual([sent.id]);
    });

    it("outlasts the server's patience, once", { timeout: 150_000 }, async () => {
      const app = producer();
      const [first, second] = [
        await worker("first", queueOf(), "&consumerTimeout=5"),
        await worker("second", queueOf(), "&consumerTimeout=5"),
      ];
      const sent = await send(app, 75_000);
      expect(await outcome(sent)).toContain("was here");
      expect([...first.runs, ...second.runs]).toEqual([sent.id]);
      expect([...first.events, ...second.events].filter(({ type }) => type === "broker:disconnected")).toEqual([]);
      await expect
        .poll(async () => (await app.queues.list()).find(({ name }) => name === queueOf())?.ready[0]?.count ?? 0)
        .toBe(0);
    });
  });
});
