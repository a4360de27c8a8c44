/** `npm run bench` and `npm run bench -- --full`: what the budgets are about, one table of it, and its rows for scripts. */

import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureAll } from "./measuring.ts";
import { optionsFrom } from "./options.ts";
import { aligned, comparisons, limitText, type Measurement, short, titleOf } from "./report.ts";
import { median } from "./statistics.ts";

export interface OverallOptions {
  readonly full: boolean;
  /** Where the rows go. */
  readonly json: string | undefined;
  /** Writes RESULTS.md. */
  readonly docs: boolean;
  readonly keepBuild: boolean;
}

/** A budget, and how it stands. */
export interface BudgetRow {
  readonly name: string;
  /** "" where the figure is of our own alone. */
  readonly peer: string;
  readonly ours: number;
  readonly theirs: number | null;
  readonly ratio: number;
  readonly floor: number;
  readonly goal: number;
  /** At its floor or better. */
  readonly ok: boolean;
}

/** In two minutes on two cores. */
const shortPlan: readonly string[] = [
  "e2e --broker redis",
  "e2e --broker redis --pool process --rounds 2 --tasks 10000 --peers bullmq",
  "enqueue latency --broker redis --rounds 2 --peers bullmq",
  "e2e latency --broker sqlite --rounds 2",
  "startup",
];
/** In 25 minutes. Peers of one measurement stand in one run: RESULTS.md has the newest of each. */
const fullPlan: readonly string[] = [
  "e2e --broker redis --peers bullmq,bee-queue,celery-threads,celeriac-events",
  "enqueue consume latency --broker redis",
  "upkeep --broker redis,sqlite --rounds 1",
  "chord --broker redis --rounds 2 --peers celery-threads",
  "e2e --broker redis --pool process --peers bullmq,celery-prefork",
  "e2e --broker redis-aof --peers bullmq,bee-queue",
  "e2e consume --broker redis --bytes 10000 --tasks 5000 --peers bullmq",
  "e2e consume --broker redis --bytes 1000000 --tasks 400 --peers bullmq",
  "e2e latency --broker sqlite,sqlite-full",
  "e2e --broker rabbitmq --rounds 2",
  "e2e --broker rabbitmq-rpc --rounds 2 --peers celery-threads",
  "e2e enqueue --broker memory",
  "startup",
];

/** `undefined` where words or other options say what is to be measured. */
export function overallOptions(args: readonly string[]): OverallOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        full: { type: "boolean", default: false },
        json: { type: "string" },
        docs: { type: "boolean", default: false },
        "keep-build": { type: "boolean", default: false },
      },
    });
    return { full: values.full, json: values.json, docs: values.docs, keepBuild: values["keep-build"] };
  } catch {
    return undefined;
  }
}

/** False if a budget is missed. */
export async function overall({ full, json, docs, keepBuild }: OverallOptions): Promise<boolean> {
  if (docs && !full) throw new Error("--docs goes with --full: RESULTS.md is not written from a short run");
  const rows: BudgetRow[] = [];
  const plan = (full ? fullPlan : shortPlan).map((line) => optionsFrom(line.split(" ")));
  let busy = 0;
  for (const [index, options] of plan.entries()) {
    if (options === undefined) continue;
    const { report } = await measureAll(
      { ...options, keepBuild: keepBuild || index > 0 },
      {
        began: ({ cpu, cores, node, redis, commit, loadBefore }) => {
          if (index === 0)
            print(`${String(cores)} × ${cpu}, Node ${node}, Redis ${redis}, ${commit}, load ${String(loadBefore)}\n`);
        },
        round: (text) => process.stderr.write(`${text}\n`),
        measured: (measurement) => void rows.push(...budgetRows(measurement)),
      },
    );
    busy = Math.max(busy, report.machine.busy);
  }
  print(table(rows));
  const missed = rows.filter(({ ok }) => !ok).length;
  print(`\n${String(rows.length - missed)} of ${String(rows.length)} budgets kept; rounds in bench/results/`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(rows, null, 2)}\n`);
  if (docs) execFileSync(process.execPath, [join(import.meta.dirname, "summary.ts")], { stdio: "inherit" });
  return missed === 0;
}

/** Those of its figures that there is a budget for. */
export function budgetRows(measurement: Measurement): readonly BudgetRow[] {
  const [own, ...peers] = measurement.rows;
  return comparisons(measurement).flatMap(({ figure, peer, ratio, floor, goal }): readonly BudgetRow[] => {
    if (floor === undefined || goal === undefined) return [];
    const theirs = peers.find(({ system }) => system === peer)?.figures[figure];
    return [
      {
        name: `${titleOf(measurement)}: ${figure}`,
        peer,
        ours: median(own?.figures[figure] ?? []),
        theirs: theirs === undefined ? null : median(theirs),
        ratio,
        floor: floor.limit,
        goal: goal.limit,
        ok: floor.met,
      },
    ];
  });
}

function table(rows: readonly BudgetRow[]): string {
  const cells = [
    ["", "against", "ours", "theirs", "ratio", "floor", "goal", ""],
    ...rows.map(({ name, peer, ours, theirs, ratio, floor, goal, ok }) => [
      name,
      peer,
      short(ours),
      theirs === null ? "" : short(theirs),
      peer === "" ? "" : `${ratio.toFixed(2)} ×`,
      limitText(floor),
      limitText(goal),
      ok ? "ok" : "BELOW",
    ]),
  ];
  return aligned(cells, 2).join("\n");
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
