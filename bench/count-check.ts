/**
 * The regression check of CI: counts of a task (counts.ts) against the ones of `counts.json`, each the least of some rounds, because what
 * disturbs a round (a look more, a batch cut in two) only adds. Red where one is over its limit.
 *
 *   npm run bench -- counts [--tasks 8000] [--rounds 2] [--write] [--json]
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../scripts/process.ts";
import { caseNames, type Count, type Counts, countsBy, countsOf } from "./counts.ts";
import { exceeded } from "./count-limit.ts";

type Table = Readonly<Record<string, Counts>>;

const file = join(import.meta.dirname, "counts.json");
const titles: Readonly<Record<Count, string>> = {
  commands: "commands",
  scripts: "scripts",
  bytesIn: "bytes to Redis",
  bytesOut: "bytes from Redis",
  memory: "bytes kept",
};
const columns = Object.keys(titles) as Count[];

/** Whether every count is within its limit. */
export async function countCheck(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tasks: { type: "string", default: "8000" },
      rounds: { type: "string", default: "2" },
      write: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [tasks, rounds] = [Number(values.tasks), Number(values.rounds)];
  if (![tasks, rounds].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--tasks and --rounds take whole numbers");
  const now: Record<string, Counts> = {};
  for (let round = 0; round < rounds; round++) {
    for (const name of caseNames) now[name] = least(now[name], await countsOf(name, tasks));
  }
  if (values.write) {
    await writeFile(file, `${JSON.stringify(now, null, 2)}\n`);
    // As the format check wants it.
    await run("npx", ["oxfmt", file], { output: "keep" });
  }
  const kept = JSON.parse(await readFile(file, "utf8")) as Table;
  const over = Object.entries(now).flatMap(([name, counts]) => exceeded(name, counts, kept[name]));
  process.stdout.write(
    values.json ? `${JSON.stringify({ tasks, counts: now, over })}\n` : `${tableOf(now)}\n${verdict(over)}\n`,
  );
  return over.length === 0;
}

function least(one: Counts | undefined, other: Counts): Counts {
  if (one === undefined) return other;
  return countsBy((count) => Math.round(1000 * Math.min(one[count], other[count])) / 1000);
}

function tableOf(table: Table): string {
  const shown = (count: Count, value: number): string =>
    count === "commands" || count === "scripts" ? value.toFixed(2) : value.toFixed(0);
  const rows = Object.entries(table).map(([name, counts]) =>
    [name, ...columns.map((count) => shown(count, counts[count]))].join(" | "),
  );
  const head = ["a task", ...columns.map((count) => titles[count])].join(" | ");
  return [head, `--- |${" ---: |".repeat(columns.length)}`.replace(/\|$/, ""), ...rows]
    .map((row) => `| ${row.trim()} |`)
    .join("\n");
}

function verdict(over: readonly string[]): string {
  if (over.length === 0) return "every count is within its limit";
  return `${over.join("\n")}\nIf that is meant, \`npm run bench -- counts --write\` makes these the counts to keep.`;
}
