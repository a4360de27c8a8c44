import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { ratesSuite } from "./rates-suite.ts";

let count = 0;
ratesSuite("memory", async () => ({ url: `memory:rates-${String(++count)}`, close: async () => {} }));

ratesSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-rates-"));
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

describeWith("redis-server", "with a private redis-server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  ratesSuite("Redis", async () => {
    await redis.cli("FLUSHALL");
    return { url: redis.url, close: async () => {} };
  });

  describeWith("rabbitmq-server", "and a private rabbitmq-server", () => {
    let rabbit: RabbitServer;
    beforeAll(async () => {
      rabbit = await startRabbit();
    });
    afterAll(() => rabbit.stop());
    ratesSuite("RabbitMQ, its results on Redis", async () => {
      await dropQueues(rabbit);
      await redis.cli("FLUSHALL");
      return { url: rabbit.url, results: redis.url, close: async () => {} };
    });
  });
});
