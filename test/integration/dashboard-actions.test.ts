/** The dashboard's actions in memory, on SQLite and on Redis. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { describeActions } from "./dashboard-actions-suite.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

describe("in memory", () => describeActions(() => `memory:${crypto.randomUUID()}`));

describe("on SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-dashboard-"));
  let count = 0;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  describeActions(() => `sqlite:${join(folder, `${String(count++)}.db`)}`);
});

describeWith("redis-server", "on Redis", () => {
  let server: RedisServer;
  let database = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  describeActions(() => `${server.url.replace(/\/\d*$/, "")}/${String(database++)}`);
});
