import { afterAll, beforeAll } from "vitest";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { type SuiteBroker, workerSuite } from "./worker-suite.ts";

describeWith("rabbitmq-server", "with a private rabbitmq-server", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  });
  afterAll(() => rabbit.stop());
  const broker = async (results?: string): Promise<SuiteBroker> => {
    await dropQueues(rabbit);
    return { url: rabbit.url, ...(results !== undefined && { results }), close: async () => {} };
  };

  workerSuite("RabbitMQ, its results sent back", () => broker());

  workerSuite("RabbitMQ with quorum queues", async () => {
    const classic = await broker();
    return { ...classic, url: `${classic.url}?queueType=quorum` };
  });

  describeWith("redis-server", "and a private redis-server", () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());
    workerSuite("RabbitMQ, its results on Redis", async () => {
      await redis.cli("FLUSHALL");
      return broker(redis.url);
    });
  });
});
