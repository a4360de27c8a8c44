/**
 * What several Redis servers bring: each with a producer and a worker of its own, all at once, and the model of how much one of them can do. A
 * machine with fewer cores than processes shows in CPU, not in throughput, that shards do not cost each other anything.
 *
 *   npm run bench -- shards [--most 3] [--rounds 3] [--tasks 40000] [--docs] [--keep-build] [--json]
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Counts } from "./counts.ts";
import { beginOccasion, sentenceOf } from "./occasion.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { short } from "./report.ts";
import { openServer, type Server } from "./server.ts";
import { median } from "./statistics.ts";
import { endToEnd, plainLoad } from "./throughput.ts";

/** How much more CPU a task may take with the most shards than with one. */
const moreBound = 1.2;
const page = "docs/scaling.md";

/** CPU is microseconds of one task. */
interface ShardRow {
  readonly shards: number;
  readonly tasksPerSecond: number;
  readonly cpu: number;
  readonly redis: number;
  readonly commands: number;
}

/** Whether a task costs the same whatever the number of shards. */
export async function shards(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      most: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      tasks: { type: "string", default: "40000" },
      docs: { type: "boolean", default: false },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [most, rounds, tasks] = [Number(values.most), Number(values.rounds), Number(values.tasks)];
  if (![most, rounds, tasks].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--most, --rounds and --tasks take whole numbers");
  const occasion = await beginOccasion(values["keep-build"]);
  await using stack = new AsyncDisposableStack();
  const servers: Server[] = [];
  for (let at = 0; at < most; at++) servers.push(stack.use(await openServer("redis")));
  const measured: ShardRow[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (let count = 1; count <= most; count++) {
      const row = await together(servers.slice(0, count), tasks);
      measured.push(row);
      process.stderr.write(`${round}/${rounds}  ${count} of ${most}: ${short(row.tasksPerSecond)} tasks/s\n`);
    }
  }
  const rows = Array.from({ length: most }, (_, at) => middleOf(measured.filter((row) => row.shards === at + 1)));
  const [first, last] = [rows[0] as ShardRow, rows.at(-1) as ShardRow];
  const counts = JSON.parse(await readFile(join(import.meta.dirname, "counts.json"), "utf8")) as Kept;
  const ratio = last.cpu / first.cpu;
  const facts = occasion.facts();
  const report = { facts, rounds, tasks, rows, ratio, model: modelOf(first, counts), measured };
  await occasion.store("shards", report);
  const tried =
    `${tableOf(rows)}\n\nCPU of a task with ${most} against one: ${ratio.toFixed(2)} × (bound ${moreBound})` +
    `${ratio > moreBound ? ", **over it**" : ""}.`;
  const model = modelTable(modelOf(first, counts));
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${model}\n\n${tried}\n`);
  if (values.docs) {
    const from = sentenceOf(facts, `npm run bench -- shards --most ${most} --rounds ${rounds} --tasks ${tasks}`);
    await writeBlock(page, "model", `${model}\n\n${from}`);
    await writeBlock(page, "shards", `${tried}\n\n${from}`);
  }
  return ratio <= moreBound;
}

/** All at once, each with so many tasks. */
async function together(servers: readonly Server[], tasks: number): Promise<ShardRow> {
  const load = plainLoad(tasks);
  const samples = await Promise.all(servers.map((server) => endToEnd(server, load)));
  const mean = (values: readonly (number | undefined)[]): number =>
    values.reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / values.length;
  return {
    shards: servers.length,
    tasksPerSecond: mean(samples.map((sample) => sample.tasksPerSecond)) * servers.length,
    // Of a sample: milliseconds for 10 000 tasks.
    cpu: mean(samples.map((sample) => sample.cpu)) / 10,
    redis: mean(samples.map((sample) => sample.serverCpu)) / 10,
    commands: mean(samples.map((sample) => sample.commandsPerTask)),
  };
}

function middleOf(rows: readonly ShardRow[]): ShardRow {
  const middle = (figure: keyof ShardRow): number => median(rows.map((row) => row[figure]));
  return {
    shards: middle("shards"),
    tasksPerSecond: middle("tasksPerSecond"),
    cpu: middle("cpu"),
    redis: middle("redis"),
    commands: middle("commands"),
  };
}

type Kept = Readonly<Partial<Record<string, Counts>>>;

/** What one Redis can do for tasks that are enqueued and run, with one core, which is all that it uses for commands. */
export interface Model {
  readonly tasksPerSecond: number;
  readonly commandsPerSecond: number;
  readonly megabitsIn: number;
  readonly megabitsOut: number;
  /** Bytes that a waiting task, and a kept result, take. */
  readonly waiting: number;
}

export function modelOf({ redis, commands }: Pick<ShardRow, "redis" | "commands">, kept: Kept): Model {
  const [sent, ran] = [kept["enqueue, single calls"], kept["run"]];
  if (sent === undefined || ran === undefined) throw new Error("counts.json has no case for enqueue or run");
  const tasksPerSecond = 1e6 / redis;
  const megabits = (bytes: number): number => (bytes * 8 * tasksPerSecond) / 1e6;
  return {
    tasksPerSecond,
    commandsPerSecond: tasksPerSecond * commands,
    megabitsIn: megabits(sent.bytesIn + ran.bytesIn),
    megabitsOut: megabits(sent.bytesOut + ran.bytesOut),
    waiting: sent.memory,
  };
}

function modelTable({ tasksPerSecond, commandsPerSecond, megabitsIn, megabitsOut, waiting }: Model): string {
  return markdownTable(
    ["one Redis, one core of it, 100 bytes of payload", ""],
    [
      ["tasks a second, enqueued and run", short(tasksPerSecond)],
      ["… in commands a second", short(commandsPerSecond)],
      ["… to Redis, Mbit/s", short(megabitsIn)],
      ["… from Redis, Mbit/s", short(megabitsOut)],
      ["bytes of a task that waits", short(waiting)],
      ["tasks that wait in 1 GiB", `${(2 ** 30 / waiting / 1e6).toFixed(2)} M`],
    ],
  );
}

function tableOf(rows: readonly ShardRow[]): string {
  return markdownTable(
    [
      "Redis servers, each with a producer and a worker",
      "tasks/s in all",
      "CPU µs a task",
      "of it Redis",
      "commands a task",
    ],
    rows.map(({ shards: count, tasksPerSecond, cpu, redis, commands }) => [
      String(count),
      ...[tasksPerSecond, cpu, redis, commands].map(short),
    ]),
  );
}
