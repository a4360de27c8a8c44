import { afterAll, beforeAll } from "vitest";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { remoteSuite } from "./remote-suite.ts";
import { revokeSuite } from "./revoke-suite.ts";

describeWith("redis-server", "with a private redis-server", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ appendonly: true });
  });
  afterAll(() => server.stop());
  for (const suite of [revokeSuite, remoteSuite]) {
    suite("Redis", async () => {
      await server.cli("FLUSHALL");
      return { url: server.url, close: async () => {} };
    });
  }
});
