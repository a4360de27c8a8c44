import { afterAll, beforeAll } from "vitest";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { remoteSuite } from "./remote-suite.ts";
import { revokeSuite } from "./revoke-suite.ts";

describeWith("rabbitmq-server", "with a private rabbitmq-server", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  });
  afterAll(() => rabbit.stop());

  for (const suite of [revokeSuite, remoteSuite]) {
    suite(
      "RabbitMQ, where nothing is kept",
      async () => {
        await dropQueues(rabbit);
        return { url: rabbit.url, close: async () => {} };
      },
      false,
    );
  }

  describeWith("redis-server", "and a private redis-server", () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());
    for (const suite of [revokeSuite, remoteSuite]) {
      suite("RabbitMQ, its results on Redis", async () => {
        await dropQueues(rabbit);
        await redis.cli("FLUSHALL");
        return { url: rabbit.url, results: redis.url, close: async () => {} };
      });
    }
  });
});
