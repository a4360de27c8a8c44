import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { signingSuite } from "./signing-suite.ts";

let count = 0;
signingSuite("memory", async () => ({ url: `memory:signing-${String(++count)}`, close: async () => {} }));

signingSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-signing-"));
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

  signingSuite("Redis", async () => {
    await redis.cli("FLUSHALL");
    return { url: redis.url, close: async () => {} };
  });

  describeWith("rabbitmq-server", "and a private rabbitmq-server", () => {
    let rabbit: RabbitServer;
    beforeAll(async () => {
      rabbit = await startRabbit();
    });
    afterAll(() => rabbit.stop());

    signingSuite("RabbitMQ, its results on Redis", async () => {
      await redis.cli("FLUSHALL");
      await dropQueues(rabbit);
      return { url: rabbit.url, results: redis.url, close: async () => {} };
    });
  });
});
