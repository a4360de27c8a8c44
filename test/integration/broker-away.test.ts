import { afterAll, beforeAll } from "vitest";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { brokerAwaySuite } from "./broker-away.ts";

describeWith("redis-server", "with a private redis-server", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
  });
  afterAll(() => redis.stop());

  brokerAwaySuite("Redis", () => redis);
});
