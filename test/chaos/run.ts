/**
 * A chaos run: tasks are sent, workers and servers are killed and stopped, and a checker that reads only the journal and the
 * final state says whether a promise was broken.
 *
 *   npm run chaos -- --broker sqlite|redis|rabbitmq --tasks 1000 --faults 20 --seed 7 [--lease 3000] [--sweep 500] [--herd 200]
 *     [--only "stop worker,kill redis"] [--bug NAME] [--json] [--results docs/chaos.md] [--keep] [--verbose]
 *   npm run chaos -- --judge JOURNAL --broker sqlite|redis|rabbitmq [--lease 3000] [--sweep 500]
 *
 * RabbitMQ's results lie on Redis, whose faults it has.
 *
 * `--judge` runs nothing: it judges the repeats of a journal that was kept, also while it is still written.
 *
 * Exit code 0: green. 1: a promise was broken. 2: it was asked for what there is not. With `--bug`: 0 if the run turned red as it must, 1 if it
 * stayed green.
 */

import { parseArgs } from "node:util";
import { brokerOf, brokers, countOf, faultsOf, fewestTasks, nameOf, orEnd } from "./arguments.ts";
import { chaosBugs, runBug } from "./bug-run.ts";
import { judgeJournal } from "./journal-verdict.ts";
import { shadowOf } from "./limits.ts";
import { play } from "./play.ts";
import { jsonLine, lines } from "./report.ts";
import { writeRow } from "./results-table.ts";

const asked = orEnd(() => {
  const { values } = parseArgs({
    options: {
      broker: { type: "string", default: "sqlite" },
      tasks: { type: "string", default: "1000" },
      faults: { type: "string", default: "20" },
      seed: { type: "string", default: "7" },
      lease: { type: "string", default: "3000" },
      sweep: { type: "string", default: "500" },
      herd: { type: "string" },
      only: { type: "string", default: "" },
      bug: { type: "string" },
      judge: { type: "string" },
      json: { type: "boolean", default: false },
      results: { type: "string" },
      keep: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
    },
  });
  const broker = brokerOf(values.broker, brokers);
  return {
    ...values,
    broker,
    tasks: countOf("tasks", values.tasks, fewestTasks),
    faults: countOf("faults", values.faults, 0),
    herd: values.herd === undefined ? undefined : countOf("herd", values.herd, 0),
    seed: countOf("seed", values.seed, 0),
    lease: countOf("lease", values.lease, 1),
    sweep: countOf("sweep", values.sweep, 1),
    only: faultsOf(values.only, broker),
    bug: values.bug === undefined ? undefined : nameOf("bug", values.bug, Object.keys(chaosBugs)),
  };
});
const { broker, tasks, faults, seed, lease, sweep } = asked;

process.exitCode =
  asked.judge !== undefined ? await judged(asked.judge) : asked.bug === undefined ? await green() : red(asked.bug);

async function green(): Promise<number> {
  const began = performance.now();
  const { only, keep, verbose } = asked;
  // A fifth beside all others, as a rule.
  const herd = asked.herd ?? Math.round(tasks / 5);
  const verdict = await play({ broker, lease, sweep, tasks, faults, seed, herd, only, keep, verbose });
  const row = { broker, seed, tasks, faults };
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  process.stdout.write(asked.json ? jsonLine(row, verdict, seconds) : lines(row, verdict, seconds));
  if (asked.results !== undefined) writeRow(asked.results, row, verdict);
  return verdict.violations.length > 0 ? 1 : 0;
}

/** 0 if a run of the copy with the bug in it was red. */
function red(bug: string): number {
  const caught = runBug({ bug, broker, tasks, faults, seed });
  const what = `${bug} on ${broker}`;
  process.stdout.write(
    caught ? `caught: ${what}, seed ${String(caught.seed)}: ${caught.said}\n` : `NOT CAUGHT: ${what}\n`,
  );
  return caught ? 0 : 1;
}

/** 0 if every repeat has its reason. */
async function judged(path: string): Promise<number> {
  const verdict = await judgeJournal(path, { broker, lease, shadow: shadowOf({ broker, lease, sweep }) });
  process.stdout.write(`${JSON.stringify(verdict, undefined, 2)}\n`);
  return verdict.unexplained.length > 0 ? 1 : 0;
}
