/**
 * A beat run: schedulers are killed, frozen and stopped, and every tick is counted.
 *
 *   npm run chaos:beat -- --broker sqlite|redis --rounds 1000 --seed 7 [--bug NAME]
 *
 * Exit code 0: every tick was sent once. 1: one was sent twice or never. 2: it was asked for what there is not. With `--bug`: 0 if the run turned red as it must, 1 if it stayed green.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startRedis } from "../server/redis-server.ts";
import { brokerOf, countOf, nameOf, orEnd } from "./arguments.ts";
import { beatBugs } from "./beat-bugs.ts";
import { playBeats } from "./beat-rounds.ts";
import { seed as seedBug } from "./bugs.ts";

const { broker, rounds, seed, bug } = orEnd(() => {
  const { values } = parseArgs({
    options: {
      broker: { type: "string", default: "sqlite" },
      rounds: { type: "string", default: "1000" },
      seed: { type: "string", default: "7" },
      bug: { type: "string" },
    },
  });
  return {
    broker: brokerOf(values.broker, ["sqlite", "redis"] as const),
    rounds: countOf("rounds", values.rounds, 1),
    seed: countOf("seed", values.seed, 0),
    bug: values.bug === undefined ? undefined : nameOf("bug", values.bug, Object.keys(beatBugs)),
  };
});

process.exitCode = bug === undefined ? await green() : red(bug);

async function green(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-beats-"));
  const redis = broker === "redis" ? await startRedis() : undefined;
  try {
    const url = redis?.url ?? `sqlite:${join(folder, "queue.db")}`;
    const verdict = await playBeats(url, rounds, seed);
    process.stdout.write(`${JSON.stringify({ broker, seed, ...verdict })}\n`);
    return verdict.missing + verdict.twice + verdict.strange > 0 ? 1 : 0;
  } finally {
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a copy with the bug in it; that run must be red. */
function red(name: string): number {
  const patched = beatBugs[name];
  if (!patched) throw new Error(`no bug "${name}"`);
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const folder = mkdtempSync(join(root, ".tmp-chaos-"));
  try {
    seedBug(patched, broker, root, folder);
    const args = ["--broker", broker, "--rounds", String(rounds), "--seed", String(seed)];
    const run = spawnSync(process.execPath, [join(folder, "test/chaos/beat-run.ts"), ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
    });
    if (!run.stdout.includes("missing")) throw new Error(`the run with the bug did not end:\n${run.stdout}`);
    const caught = run.status === 1;
    process.stdout.write(`${caught ? "caught" : "NOT CAUGHT"}: ${name} on ${broker} (${patched.says}) ${run.stdout}`);
    return caught ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
