/** Chords in the midst of which a server is started anew, or the link to it is cut. */

import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type App, chord, createApp } from "../../src/index.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { startProxy } from "../server/tcp-proxy.ts";

/** A link that is cut while it is made anew is given up after `publishTimeout`, and what was on it comes back a lease later. */
const soon = { timeout: "150s" } as const;
const patience = 300_000;

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

interface Place {
  readonly broker: string;
  readonly results?: string;
}

/** Two workers, and tasks of which every second is held until the gate is opened. */
async function stage(places: readonly Place[]): Promise<{
  readonly app: App;
  readonly began: number[];
  readonly bodies: number[];
  readonly open: () => void;
  readonly start: (count: number) => Promise<{ get(options: typeof soon): Promise<number> }>;
}> {
  const began: number[] = [];
  const bodies: number[] = [];
  const gate = Promise.withResolvers<void>();
  const apps = places.map((place) => {
    const app = createApp({ name: "away", ...place, publishTimeout: "20s" });
    closing.push(() => app.close());
    return app;
  });
  const declared = apps.map((app) => ({
    member: app.task("a.member", async (n: number) => {
      began.push(n);
      if (n % 2 === 1) await gate.promise;
      return n;
    }),
    total: app.task("a.total", (all: readonly number[]) => {
      bodies.push(all.length);
      return all.reduce((sum, each) => sum + each, 0);
    }),
  }));
  await Promise.all(
    apps.map((app) => app.work({ pool: "inline", concurrency: 10, lease: "15s", sweep: "200ms", grace: "1s" })),
  );
  const [app] = apps;
  const [tasks] = declared;
  if (app === undefined || tasks === undefined) throw new Error("no place");
  return {
    app,
    began,
    bodies,
    open: () => gate.resolve(),
    start: (count) =>
      app.delay(
        chord(
          Array.from({ length: count }, (_, n) => tasks.member.si(n)),
          tasks.total.s(),
        ),
      ),
  };
}

describeWith("redis-server", "a chord on a Redis that is started anew", () => {
  it("ends, with all results", { timeout: patience }, async () => {
    const redis = await startRedis({ appendonly: true });
    closing.push(() => redis.stop());
    const { began, bodies, open, start } = await stage([{ broker: redis.url }, { broker: redis.url }]);
    const sent = await start(10);
    await expect.poll(() => new Set(began).size, { timeout: 60_000 }).toBe(10);
    await redis.restart();
    open();
    expect(await sent.get(soon)).toBe(45);
    expect(bodies).toEqual([10]);
  });
});

describeWith("rabbitmq-server", "a chord on RabbitMQ, its members counted on Redis", () => {
  // Its start takes half a minute on a machine that has much else to do.
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  });
  afterAll(() => rabbit.stop());

  it(
    "ends when the links of its workers are cut, again and again, and when its Redis is started anew",
    { timeout: patience },
    async () => {
      const redis = await startRedis({ appendonly: true });
      closing.push(() => redis.stop());
      const proxies = await Promise.all([startProxy(rabbit.port), startProxy(rabbit.port)]);
      closing.push(...proxies.map((proxy) => () => proxy.close()));
      const places = proxies.map(({ port }) => ({
        broker: `amqp://127.0.0.1:${String(port)}//?heartbeat=1`,
        results: redis.url,
      }));
      const { began, bodies, open, start } = await stage(places);
      const sent = await start(10);
      await expect.poll(() => new Set(began).size, { timeout: 60_000 }).toBe(10);
      for (const proxy of proxies) proxy.cut();
      open();
      // Whatever of their ends, of the body and of its close is on its way now.
      for (const proxy of proxies) proxy.cut();
      await redis.restart();
      expect(await sent.get(soon)).toBe(45);
      expect(bodies).toEqual([10]);
    },
  );
});
