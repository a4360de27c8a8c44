/**
 * How far a task is from the least it could cost: throughput against what redis-benchmark reaches with the commands that a task needs, Redis'
 * CPU against theirs, and where worker and producer spend the rest.
 *
 *   npm run bench -- limits [--rounds 3] [--tasks 40000] [--docs] [--keep-build] [--json]
 */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { limitCommands, limitOf, pipelined } from "./limit-commands.ts";
import { beginOccasion, sentenceOf } from "./occasion.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { short } from "./report.ts";
import { openServer, type Server } from "./server.ts";
import { type Part, type Profile, selfTimes } from "./self-time.ts";
import { median } from "./statistics.ts";
import { consume, endToEnd, enqueue, plainLoad, type Sample } from "./throughput.ts";

/** Below it a part is not worth a line. */
const leastShare = 0.02;

/** Shares are reported, none is judged. */
export async function limits(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "3" },
      tasks: { type: "string", default: "40000" },
      docs: { type: "boolean", default: false },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [rounds, tasks] = [Number(values.rounds), Number(values.tasks)];
  if (![rounds, tasks].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--rounds and --tasks take whole numbers");
  const occasion = await beginOccasion(values["keep-build"]);
  const rows = await compared(rounds, tasks);
  const parts = await profiled(tasks);
  const facts = occasion.facts();
  const report = { facts, rounds, tasks, rows, parts };
  await occasion.store("limits", report);
  const text = `${tableOf(rows)}\n\n${partsOf(parts)}`;
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${text}\n`);
  if (values.docs) {
    const command = `npm run bench -- limits --rounds ${rounds} --tasks ${tasks}`;
    await writeBlock("docs/performance.md", "limits", `${text}\n\n${sentenceOf(facts, command)}`);
  }
  return true;
}

/** Tasks a second, and microseconds of Redis' CPU a task: ours, and of the bare commands. */
interface Row {
  readonly name: string;
  readonly rate: number;
  readonly bareRate: number;
  readonly redis: number;
  readonly bareRedis: number;
}

async function compared(rounds: number, tasks: number): Promise<readonly Row[]> {
  await using server = await openServer("redis");
  const both = [...limitCommands.enqueue, ...limitCommands.run];
  const load = plainLoad(tasks);
  const kinds: readonly (readonly [string, readonly (readonly string[])[], () => Promise<Sample>])[] = [
    ["enqueue, 1000 a call", limitCommands.enqueue, () => enqueue(server, load, "bulk")],
    ["enqueue, single calls", limitCommands.enqueue, () => enqueue(server, load, "single")],
    ["run a backlog", limitCommands.run, () => consume(server, load)],
    ["end to end", both, () => endToEnd(server, load)],
  ];
  const rows: Row[] = [];
  for (const [name, commands, measure] of kinds) {
    const found: Row[] = [];
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`${round}/${rounds}  ${name}\n`);
      const ours = await measure();
      const bare = await bareOf(server, commands, tasks);
      // CPU of a sample is milliseconds for 10 000 tasks.
      const redis = (ours.serverCpu ?? Number.NaN) / 10;
      found.push({ name, rate: ours.tasksPerSecond ?? 0, bareRate: 1e6 / bare.wall, redis, bareRedis: bare.cpu });
    }
    const middle = (figure: "rate" | "bareRate" | "redis" | "bareRedis"): number =>
      median(found.map((row) => row[figure]));
    rows.push({
      name,
      rate: middle("rate"),
      bareRate: middle("bareRate"),
      redis: middle("redis"),
      bareRedis: middle("bareRedis"),
    });
  }
  return rows;
}

async function bareOf(
  server: Server,
  commands: readonly (readonly string[])[],
  tasks: number,
): ReturnType<typeof limitOf> {
  await server.clear();
  // RPOP needs a list of so many.
  if (!commands.some(([command]) => command === "LPUSH")) await limitOf(server, limitCommands.enqueue, tasks);
  return limitOf(server, commands, tasks);
}

async function profiled(tasks: number): Promise<Readonly<Record<"producer" | "worker", readonly Part[]>>> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-profile-"));
  try {
    await using server = await openServer("redis");
    const flags = (role: string): readonly string[] => [
      "--cpu-prof",
      `--cpu-prof-dir=${folder}`,
      `--cpu-prof-name=${role}.cpuprofile`,
    ];
    await endToEnd(server, { ...plainLoad(tasks), flags: { producer: flags("producer"), worker: flags("worker") } });
    const there = await readdir(folder);
    const read = async (role: string): Promise<readonly Part[]> => {
      const file = `${role}.cpuprofile`;
      if (!there.includes(file)) throw new Error(`the ${role} left no profile`);
      return selfTimes(JSON.parse(await readFile(join(folder, file), "utf8")) as Profile);
    };
    return { producer: await read("producer"), worker: await read("worker") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tableOf(rows: readonly Row[]): string {
  const head = [
    "",
    "tasks/s",
    "redis-benchmark",
    "share",
    "Redis µs a task",
    "of bare commands",
    "scripts and the rest",
  ];
  return markdownTable(
    head,
    rows.map(({ name, rate, bareRate, redis, bareRedis }) => [
      name,
      short(rate),
      short(bareRate),
      `${((rate / bareRate) * 100).toFixed(0)} %`,
      short(redis),
      short(bareRedis),
      short(redis - bareRedis),
    ]),
  );
}

function partsOf(parts: Readonly<Record<string, readonly Part[]>>): string {
  const shown = [...new Set(Object.values(parts).flatMap((all) => all.map(({ name }) => name)))]
    .map((name) => ({
      name,
      shares: Object.values(parts).map((all) => all.find((part) => part.name === name)?.share ?? 0),
    }))
    .filter(({ shares }) => shares.some((share) => share >= leastShare))
    .toSorted((one, other) => Math.max(...other.shares) - Math.max(...one.shares));
  const table = markdownTable(
    ["self time", ...Object.keys(parts)],
    shown.map(({ name, shares }) => [name, ...shares.map((share) => `${(share * 100).toFixed(1)} %`)]),
  );
  return `Pipelines of ${pipelined} commands on one connection. Of the time in which producer and worker do something, end to end:\n\n${table}`;
}
