/**
 * A chaos run: tasks are sent, workers and servers are killed and stopped, and a checker that reads only the journal and the
 * final state says whether a promise was broken.
 *
 *   npm run chaos -- --broker sqlite|redis|rabbitmq --tasks 1000 --faults 20 --seed 7 [--lease 3000] [--sweep 500]
 *     [--only "stop worker,kill redis"] [--bug NAME] [--json] [--results docs/chaos.md] [--keep] [--verbose]
 *
 * RabbitMQ's results lie on Redis, whose faults it has.
 *
 * Exit code 0: green. 1: a promise was broken. With `--bug`: 0 if the run turned red as it must, 1 if it stayed green.
 */

import { parseArgs } from "node:util";
import { runBug } from "./bug-run.ts";
import { play } from "./play.ts";
import { jsonLine, lines } from "./report.ts";
import { writeRow } from "./results-table.ts";

const { values } = parseArgs({
  options: {
    broker: { type: "string", default: "sqlite" },
    tasks: { type: "string", default: "1000" },
    faults: { type: "string", default: "20" },
    seed: { type: "string", default: "7" },
    lease: { type: "string", default: "3000" },
    sweep: { type: "string", default: "500" },
    only: { type: "string", default: "" },
    bug: { type: "string" },
    json: { type: "boolean", default: false },
    results: { type: "string" },
    keep: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const broker = values.broker === "redis" || values.broker === "rabbitmq" ? values.broker : "sqlite";

process.exitCode = values.bug === undefined ? await green() : red(values.bug);

async function green(): Promise<number> {
  const began = performance.now();
  const verdict = await play({
    broker,
    lease: Number(values.lease),
    sweep: Number(values.sweep),
    tasks: Number(values.tasks),
    faults: Number(values.faults),
    seed: Number(values.seed),
    only: values.only.split(",").filter((kind) => kind !== ""),
    keep: values.keep,
    verbose: values.verbose,
  });
  const row = { broker, seed: Number(values.seed), tasks: Number(values.tasks), faults: Number(values.faults) };
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  process.stdout.write(values.json ? jsonLine(row, verdict, seconds) : lines(row, verdict, seconds));
  if (values.results !== undefined) writeRow(values.results, row, verdict);
  return verdict.violations.length > 0 ? 1 : 0;
}

/** 0 if a run of the copy with the bug in it was red. */
function red(bug: string): number {
  const { tasks, faults } = values;
  const caught = runBug({ bug, broker, tasks, faults, seed: Number(values.seed) });
  const what = `${bug} on ${broker}`;
  process.stdout.write(
    caught ? `caught: ${what}, seed ${String(caught.seed)}: ${caught.said}\n` : `NOT CAUGHT: ${what}\n`,
  );
  return caught ? 0 : 1;
}
