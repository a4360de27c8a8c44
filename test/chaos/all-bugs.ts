/**
 * Runs every seeded bug on every broker on which it makes sense: each run must turn red. About a minute for each on a quiet machine.
 *
 *   npm run chaos:bugs -- [--bug NAME] [--broker NAME] [--table docs/chaos.md] [--tasks 300] [--faults 12] [--seed 7]
 *
 * `--table` writes what came of it into a page, between the marks that stand there; rows of what was not run stay.
 */

import { parseArgs } from "node:util";
import { brokerOf, brokers, countOf, fewestTasks, nameOf, orEnd } from "./arguments.ts";
import { writeRow } from "./bug-table.ts";
import { chaosBugs, runBug } from "./bug-run.ts";
import type { BuggyBroker } from "./bugs.ts";

const asked = orEnd(() => {
  const { values } = parseArgs({
    options: {
      bug: { type: "string" },
      broker: { type: "string" },
      table: { type: "string" },
      tasks: { type: "string", default: "300" },
      faults: { type: "string", default: "12" },
      seed: { type: "string", default: "7" },
    },
  });
  return {
    bug: values.bug === undefined ? undefined : nameOf("bug", values.bug, Object.keys(chaosBugs)),
    broker: values.broker === undefined ? undefined : brokerOf(values.broker, brokers),
    table: values.table,
    tasks: countOf("tasks", values.tasks, fewestTasks),
    faults: countOf("faults", values.faults, 0),
    seed: countOf("seed", values.seed, 0),
  };
});
const { tasks, faults, table } = asked;
let missed = 0;
for (const [name, bug] of Object.entries(chaosBugs)) {
  if (asked.bug !== undefined && asked.bug !== name) continue;
  for (const broker of Object.keys(bug.patches) as BuggyBroker[]) {
    if (asked.broker !== undefined && asked.broker !== broker) continue;
    const caught = runBug({ bug: name, broker, tasks, faults, seed: asked.seed });
    const says = `${bug.says}${bug.python ? "; a Python worker runs beside ours" : ""}`;
    process.stdout.write(
      `${caught ? `caught by seed ${String(caught.seed)}` : "NOT CAUGHT"}: ${name} on ${broker}: ${caught?.said ?? says}\n`,
    );
    if (table !== undefined)
      writeRow(table, { name, broker, says, size: `${String(tasks)} × ${String(faults)}`, caught });
    if (!caught) missed++;
  }
}
process.stdout.write(missed === 0 ? "every seeded bug was caught\n" : `${String(missed)} bugs were not caught\n`);
process.exitCode = missed === 0 ? 0 : 1;
