import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { workerSuite } from "./worker-suite.ts";

const makeFolder = (): string => mkdtempSync(join(tmpdir(), "celeriac-apart-"));

workerSuite("SQLite, its results in another file", async () => {
  const folder = makeFolder();
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    results: `sqlite:${join(folder, "results.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

workerSuite("SQLite, its results sent back", async () => {
  const folder = makeFolder();
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    results: "rpc://",
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

describeWith("redis-server", "with results on a private redis-server", () => {
  let server: RedisServer;
  let folder: string;
  beforeAll(async () => {
    server = await startRedis();
    folder = makeFolder();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let count = 0;
  workerSuite("SQLite, its results on Redis", async () => {
    await server.cli("FLUSHALL");
    return { url: `sqlite:${join(folder, `queue-${String(++count)}.db`)}`, results: server.url, close: async () => {} };
  });
  workerSuite("Redis, its results in another database", async () => {
    await server.cli("FLUSHALL");
    return { url: server.url, results: server.url.replace(/0$/, "1"), close: async () => {} };
  });
});
