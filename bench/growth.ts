/**
 * How the cost of a task grows: with what waits, what it carries, how many run at once, how many workers and queues there are. Throughput is
 * what the machine allows; CPU of worker and Redis is what a task costs, and what the bound is for.
 *
 *   npm run bench -- growth [--short] [--axis backlog,…] [--rounds 3] [--tasks 40000] [--docs] [--keep-build] [--json]
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/process.ts";
import { type Axis, axes } from "./growth-axes.ts";
import { type GrowthCost, type GrowthFigure, growthRound, RoundTooShort } from "./growth-round.ts";
import { type Line, linePlot } from "./line-plot.ts";
import { beginOccasion, sentenceOf } from "./occasion.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { short } from "./report.ts";
import { openServer } from "./server.ts";
import { median, rise } from "./statistics.ts";

/** How much more a task may cost at any size than at a smaller one. */
const riseBound = 1.2;
const page = "docs/performance.md";

export interface GrowthRow extends GrowthCost {
  readonly axis: string;
  readonly size: number;
}

/** Whether everything is as flat as it has to be. */
export async function growth(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: "boolean", default: false },
      axis: { type: "string" },
      rounds: { type: "string" },
      tasks: { type: "string" },
      docs: { type: "boolean", default: false },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.short ? 1 : 3));
  const tasks = Number(values.tasks ?? (values.short ? 8_000 : 40_000));
  if (![rounds, tasks].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--rounds and --tasks take whole numbers");
  const asked = values.axis?.split(",") ?? axes.map(({ name }) => name);
  const unknown = asked.filter((name) => axes.every((axis) => axis.name !== name));
  if (unknown.length > 0)
    throw new Error(`--axis knows ${axes.map(({ name }) => name).join(", ")}, not ${unknown.join(", ")}`);
  const chosen = axes.filter(({ name }) => asked.includes(name));
  const occasion = await beginOccasion(values["keep-build"]);
  const measured: GrowthRow[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const axis of chosen) {
      for (const size of values.short ? axis.short : axis.sizes) {
        const cost = await roundOf(axis, size, tasks);
        measured.push({ axis: axis.name, size, ...cost });
        process.stderr.write(`${round}/${rounds}  ${axis.name} ${size}: ${said(cost)}\n`);
      }
    }
  }
  const rows = mediansOf(measured);
  const verdicts = chosen.flatMap((axis) => verdictsOf(axis, rows));
  const facts = occasion.facts();
  const report = { facts, rounds, tasks, short: values.short, rows, verdicts, measured };
  await occasion.store("growth", report);
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else for (const axis of chosen) process.stdout.write(`${sectionOf(axis, rows)}\n\n`);
  if (values.docs) {
    const flags = [values.short ? " --short" : "", ` --rounds ${rounds} --tasks ${tasks}`].join("");
    for (const axis of chosen) {
      await writeFile(join(root, "docs", "pictures", `growth-${axis.name}.svg`), plotOf(axis, rows));
      const command = `npm run bench -- growth --axis ${axis.name}${flags}`;
      await writeBlock(page, `growth ${axis.name}`, `${sectionOf(axis, rows)}\n\n${sentenceOf(facts, command)}`);
    }
  }
  return verdicts.every(({ ratio }) => ratio <= riseBound);
}

/** A round that was too short is done again with twice the tasks, three times at most. */
async function roundOf(axis: Axis, size: number, tasks: number): Promise<GrowthCost> {
  for (let times = 1; ; times *= 2) {
    // A server of its own: what a million keys leave behind in its memory is nobody else's cost.
    await using server = await openServer("redis");
    try {
      return await growthRound(server, axis.layout(size, tasks * times));
    } catch (error) {
      if (!(error instanceof RoundTooShort) || times === 8) throw error;
      process.stderr.write(`${axis.name} ${size}: too short, again with ${tasks * times * 2} tasks\n`);
    }
  }
}

export function mediansOf(measured: readonly GrowthRow[]): readonly GrowthRow[] {
  const groups = Map.groupBy(measured, ({ axis, size }) => `${axis} ${size}`);
  return [...groups.values()].map((group) => {
    const { axis, size } = group[0] as GrowthRow;
    const middle = (figure: GrowthFigure): number => median(group.map((row) => row[figure]));
    return {
      axis,
      size,
      tasksPerSecond: middle("tasksPerSecond"),
      worker: middle("worker"),
      redis: middle("redis"),
      cpu: middle("cpu"),
      claim: middle("claim"),
    };
  });
}

interface Verdict {
  readonly axis: string;
  readonly figure: string;
  /** Above 1: how much more than at a smaller size, at the worst. */
  readonly ratio: number;
}

export function verdictsOf({ name, flat }: Axis, all: readonly GrowthRow[]): readonly Verdict[] {
  const rows = all.filter(({ axis }) => axis === name).toSorted((one, other) => one.size - other.size);
  if (flat === "byte")
    return [{ axis: name, figure: "CPU of a byte", ratio: rise(rows.map(({ cpu, size }) => cpu / size)) }];
  return [
    { axis: name, figure: "CPU of a task", ratio: rise(rows.map(({ cpu }) => cpu)) },
    ...(name === "backlog"
      ? [{ axis: name, figure: "Redis' time for its claim", ratio: rise(rows.map(({ claim }) => claim)) }]
      : []),
  ];
}

function sectionOf(axis: Axis, all: readonly GrowthRow[]): string {
  const rows = all.filter((row) => row.axis === axis.name);
  const head = [axis.label, "tasks/s", "CPU µs", "worker", "Redis", "claim in Redis, µs"];
  const table = markdownTable(
    head,
    rows.map(({ size, tasksPerSecond, cpu, worker, redis, claim }) => [
      size.toLocaleString("en").replaceAll(",", " "),
      ...[tasksPerSecond, cpu, worker, redis, claim].map(short),
    ]),
  );
  const told = verdictsOf(axis, all).map(({ figure, ratio }) => {
    const how =
      ratio === 1 ? "never more than at a smaller size" : `at most ${ratio.toFixed(2)} × that of a smaller size`;
    return `${figure}: ${how} (bound ${riseBound})${ratio > riseBound ? ", **over it**" : ""}.`;
  });
  return `![${axis.title}](pictures/growth-${axis.name}.svg)\n\n${table}\n\n${told.join(" ")}`;
}

export function plotOf(axis: Axis, all: readonly GrowthRow[]): string {
  const rows = all.filter((row) => row.axis === axis.name);
  const line = (name: string, figure: GrowthFigure): Line => ({
    name,
    points: rows.map((row) => ({ x: row.size, y: row[figure] })),
  });
  const spans = Math.max(...rows.map(({ cpu }) => cpu)) / Math.min(...rows.map(({ cpu }) => cpu));
  const powers = spans > 20;
  return linePlot({
    title: axis.title,
    label: axis.label,
    panels: [
      { label: "tasks a second", powers, lines: [line("throughput", "tasksPerSecond")] },
      {
        label: "CPU of a task, µs",
        powers,
        lines: [line("worker", "worker"), line("Redis", "redis"), line("claim, by Redis' clock", "claim")],
      },
    ],
  });
}

const said = ({ tasksPerSecond, worker, redis, claim }: GrowthCost): string =>
  `${short(tasksPerSecond)} tasks/s, worker ${worker.toFixed(1)} µs, Redis ${redis.toFixed(1)} µs, of which claim ${claim.toFixed(1)} µs`;
