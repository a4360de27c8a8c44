/**
 * A beat run: schedulers are killed, frozen and stopped, and every tick is counted.
 *
 *   npm run chaos:beat -- --broker sqlite|redis --rounds 1000 --seed 7
 *
 * Exit code 0: every tick was sent once. 1: one was sent twice or never.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startRedis } from "../server/redis-server.ts";
import { playBeats } from "./beat-rounds.ts";

const { values } = parseArgs({
  options: {
    broker: { type: "string", default: "sqlite" },
    rounds: { type: "string", default: "1000" },
    seed: { type: "string", default: "7" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "celeriac-beats-"));
const redis = values.broker === "redis" ? await startRedis() : undefined;
try {
  const verdict = await playBeats(
    redis?.url ?? `sqlite:${join(folder, "queue.db")}`,
    Number(values.rounds),
    Number(values.seed),
  );
  process.stdout.write(`${JSON.stringify({ broker: values.broker, seed: values.seed, ...verdict })}\n`);
  process.exitCode = verdict.missing + verdict.twice + verdict.strange > 0 ? 1 : 0;
} finally {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
}
