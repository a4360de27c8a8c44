/** Runs every seeded bug on every broker: each run must turn red. `npm run chaos:bugs`; about a minute for each of the ten. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bugs } from "./bugs.ts";

const run = fileURLToPath(new URL("./run.ts", import.meta.url));
let missed = 0;
for (const broker of ["sqlite", "redis"]) {
  for (const bug of Object.keys(bugs)) {
    const args = [run, "--broker", broker, "--tasks", "1000", "--faults", "20", "--seed", "7", "--bug", bug];
    if (spawnSync(process.execPath, args, { stdio: ["ignore", "inherit", "ignore"] }).status !== 0) missed++;
  }
}
process.stdout.write(missed === 0 ? "every seeded bug was caught\n" : `${String(missed)} bugs were not caught\n`);
process.exitCode = missed === 0 ? 0 : 1;
