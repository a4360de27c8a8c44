/** What a broker warns of when it is opened goes to the app's own logger, once, and not a second time through its worker. */

import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisServer, startRedis } from "../../test/server/redis-server.ts";
import { describeWith } from "../../test/server/required-program.ts";
import { createApp } from "../index.ts";

describeWith("redis-server", "a Redis that keeps nothing on disk", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test("is warned of in the app's log, once", async () => {
    const lines: Readonly<Record<string, unknown>>[] = [];
    const log = pino({}, { write: (text: string) => void lines.push(JSON.parse(text) as (typeof lines)[number]) });
    const app = createApp({ name: "shop", broker: redis.url, log });
    const noop = app.task("noop", () => null);
    await noop.delay();
    {
      await using _worker = await app.work({ pool: "inline" });
    }
    await app.close();
    expect(lines.filter(({ code }) => code === "NOT_DURABLE")).toMatchObject([{ level: 40, app: "shop" }]);
    expect(lines.map(({ event }) => event)).toContain("worker.ready");
  });
});
