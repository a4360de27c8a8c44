/**
 * `npm run fuzz`: hostile inputs for everything that reads what others wrote.
 *
 *   npm run fuzz -- [--seconds 60] [--target NAME]… [--seed N]
 *
 * The time is shared by the targets. The last line is `N passed, N failed, N skipped`; a find is printed as small as it goes, and its seed makes
 * it again. It becomes a test with a name of its own beside the code.
 */

import { parseArgs } from "node:util";
import { findText, fuzz, targets } from "./fuzzing.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    target: { type: "string", multiple: true, default: [] },
    seed: { type: "string" },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const chosen = targets.filter(({ name }) => values.target.length === 0 || values.target.includes(name));
const unknown = values.target.filter((name) => !targets.some((target) => target.name === name));
if (unknown.length > 0 || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    `usage: npm run fuzz -- [--seconds 60] [--seed N] [--target ${targets.map(({ name }) => name).join("|")}]…\n`,
  );
  process.exit(2);
}

let failed = 0;
process.stdout.write(`seed ${String(seed)}, ${String(seconds)} s for ${String(chosen.length)} targets\n`);
for (const target of chosen) {
  const found = fuzz(target, seed, (seconds * 1000) / chosen.length, 100_000_000);
  if (found.failed) failed++;
  process.stdout.write(
    found.failed ? `FAILED  ${findText(target, found)}\n` : `ok      ${target.name}: ${String(found.numRuns)} inputs\n`,
  );
}
process.stdout.write(`\n${String(chosen.length - failed)} passed, ${String(failed)} failed, 0 skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
