/**
 * The benchmarks. `npm run bench` measures what the budgets are about, in two minutes; `npm run bench -- --full` all of it; with words, as
 * `npm run bench -- e2e --broker redis`, what they name. `--help` says the rest.
 */

import { background } from "./background.ts";
import { choosing } from "./choosing.ts";
import { countCheck } from "./count-check.ts";
import { dashboard } from "./dashboard.ts";
import { idle } from "./idle.ts";
import { fairness } from "./fairness.ts";
import { growth } from "./growth.ts";
import { limits } from "./limits.ts";
import { measureAll, type Watcher } from "./measuring.ts";
import { memory } from "./memory.ts";
import { optionsFrom, usage } from "./options.ts";
import { overall, overallOptions } from "./overall.ts";
import { tableOf } from "./report.ts";
import { shards } from "./shards.ts";

/** Measurements with options of their own and no peers. Each says whether its bounds are kept. */
const tools: Readonly<Record<string, (args: readonly string[]) => Promise<boolean>>> = {
  background,
  choosing,
  counts: countCheck,
  dashboard,
  fairness,
  growth,
  idle,
  limits,
  memory,
  shards,
};

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const [tool = "", ...rest] = args;
  const found = tools[tool];
  if (found !== undefined) {
    if (!(await found(rest))) process.exitCode = 1;
    return;
  }
  const whole = overallOptions(args);
  if (whole !== undefined) {
    if (!(await overall(whole))) process.exitCode = 1;
    return;
  }
  const options = optionsFrom(args);
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  const loud: Watcher = {
    began: (machine) => print(JSON.stringify(machine, null, 1).replace(/^[{}]\n?|"|,$/gm, "")),
    round: (text) => process.stderr.write(`${text}\n`),
    measured: (measurement) => print(`${tableOf(measurement)}\n`),
  };
  const silent: Watcher = { began: () => {}, round: () => {}, measured: () => {} };
  const { report, file } = await measureAll(options, options.json ? silent : loud);
  if (options.json) return print(JSON.stringify(report));
  const { busy, stolen } = report.machine;
  print(`machine during the run: ${busy} % busy, ${stolen} % stolen by the hypervisor`);
  print(`every round: bench/results/${file}`);
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
