/** Real schedulers, killed, frozen and stopped: every tick is sent once. The long form is `npm run chaos:beat`. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { playBeats } from "../chaos/beat-rounds.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const rounds = 6;
const green = { missing: 0, twice: 0, strange: 0 };

test.concurrent("on a database file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-beats-"));
  try {
    expect(await playBeats(`sqlite:${join(folder, "queue.db")}`, rounds, 2)).toMatchObject(green);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);

describeWith("redis-server", "on Redis", () => {
  test.concurrent("too", async () => {
    await using redis = await startRedis();
    expect(await playBeats(redis.url, rounds, 3)).toMatchObject(green);
  }, 240_000);
});
