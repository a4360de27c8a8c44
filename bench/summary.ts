/**
 * Writes RESULTS.md from the stored runs: of each measurement the newest, a row for each system, and how the budgets stand.
 * `node bench/summary.ts` after the runs that should be in it.
 */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { comparisons, limitText, type Measurement, type Row, short, titleOf } from "./report.ts";
import { median } from "./statistics.ts";

interface Run {
  readonly at: string;
  readonly machine: Machine & { readonly stolen: number; readonly busy: number };
  readonly options: { readonly rounds: number; readonly tasks: number };
  readonly measurements: readonly Measurement[];
}

const folder = join(import.meta.dirname, "results");
const newest = new Map<string, { readonly run: Run; readonly measurement: Measurement }>();
for (const name of (await readdir(folder)).filter((file) => file.endsWith(".json")).toSorted()) {
  const run = JSON.parse(await readFile(join(folder, name), "utf8")) as Run;
  for (const measurement of run.measurements) {
    const { what, broker, pool, bytes } = measurement;
    newest.set([what, broker, pool, bytes].join(" "), { run, measurement });
  }
}
const runs = [...new Set([...newest.values()].map(({ run }) => run))];
const last = runs.toSorted((one, other) => one.at.localeCompare(other.at)).at(-1);
if (last === undefined) throw new Error("no runs in bench/results; measure first: npm run bench -- all");
const { machine } = last;

const lines = [
  "# Results",
  "",
  `${last.at.slice(0, 10)}, commit ${[...new Set(runs.map((run) => run.machine.commit))].join(", ")}. A **machine of ${machine.cores} cores** (${machine.cpu}, ` +
    `${machine.memoryGb} GB, ${machine.disk}, Linux ${machine.kernel}), shared by producer, worker and server of each measurement: load ` +
    `${Math.min(...runs.map((run) => run.machine.loadBefore))} to ${Math.max(...runs.map((run) => run.machine.loadBefore))} before the runs, so tasks per second are worth little, CPU and ratios more. ` +
    `${versions()}.`,
  "",
  "No-op tasks, results stored as each system does by default. Medians of the rounds; CPU is milliseconds for 10 000 tasks of all processes",
  "(producer + worker with its children + servers). How it is measured: [README.md](README.md).",
  "",
  "## Budgets",
  "",
  "| measurement | figure | against | measured | floor | goal | |",
  "| --- | --- | --- | ---: | ---: | ---: | --- |",
];
const measurements = [...newest.values()].map(({ measurement }) => measurement).toSorted(inOrder);
for (const measurement of measurements) {
  for (const { peer, figure, ratio, floor, goal } of comparisons(measurement)) {
    if (floor === undefined || goal === undefined) continue;
    const value = peer === "" ? short(ratio) : `${ratio.toFixed(2)} ×`;
    const word = goal.met ? "goal" : floor.met ? "floor" : "**below the floor**";
    lines.push(
      `| ${titleOf(measurement)} | ${figure} | ${peer} | ${value} | ${limitText(floor.limit)} | ${limitText(goal.limit)} | ${word} |`,
    );
  }
}
lines.push(
  "",
  "## Throughput",
  "",
  "| measurement | system | tasks/s | CPU | producer / worker / server | commands a task | RSS MB idle → end |",
  "| --- | --- | ---: | ---: | --- | ---: | --- |",
);
for (const measurement of measurements) {
  for (const row of measurement.rows) {
    if (row.figures["tasksPerSecond"] === undefined) continue;
    const parts = ["producerCpu", "workerCpu", "serverCpu"].map((name) => figure(row, name)).join(" / ");
    const rss = row.figures["rssEnd"] === undefined ? "" : `${figure(row, "rssIdle")} → ${figure(row, "rssEnd")}`;
    lines.push(
      `| ${titleOf(measurement)} | ${row.system} | ${figure(row, "tasksPerSecond")} | ${figure(row, "cpu")} | ${parts} | ${figure(row, "commandsPerTask")} | ${rss} |`,
    );
  }
}
lines.push("", "## Latency, memory, start", "", "| measurement | system | figures |", "| --- | --- | --- |");
for (const measurement of measurements) {
  for (const row of measurement.rows) {
    if (row.figures["tasksPerSecond"] !== undefined) continue;
    const figures = Object.keys(row.figures).map((name) => `${name} ${figure(row, name)}`);
    lines.push(`| ${titleOf(measurement)} | ${row.system} | ${figures.join(", ")} |`);
  }
}
await writeFile(join(import.meta.dirname, "RESULTS.md"), `${lines.join("\n")}\n`);

/** Of all runs: not each has asked for all. */
function versions(): string {
  const all: Record<string, string> = { Node: machine.node, Redis: machine.redis };
  for (const { machine: each } of runs) Object.assign(all, each.rabbitmq && { RabbitMQ: each.rabbitmq }, each.versions);
  return Object.entries(all)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

function figure(row: Row, name: string): string {
  const values = row.figures[name];
  return values === undefined ? "–" : short(median(values));
}

function inOrder(one: Measurement, other: Measurement): number {
  const key = ({ broker, what, pool, bytes }: Measurement): string =>
    [broker, pool, String(bytes).padStart(9, "0"), what].join(" ");
  return key(one).localeCompare(key(other));
}
