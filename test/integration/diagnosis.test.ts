import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { diagnosisSuite } from "./diagnosis-suite.ts";

diagnosisSuite("memory", async () => ({ url: "memory:diagnosis", close: async () => {} }));

diagnosisSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-diagnosis-"));
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
  diagnosisSuite("Redis", async () => ({ url: redis.url, close: async () => {} }));
});
