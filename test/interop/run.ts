/**
 * `npm run interop`: tries every cell of the matrix and prints it as the table of docs/interop.md.
 *
 *   npm run interop -- [--only NAME]… [--write]
 *
 * `--only` runs the rows whose name begins so, `--only canvas` those of workflows; `--write` puts the table into the page. Exits 0 only if every cell is green: one that is
 * skipped because a server or a release is missing counts as red.
 */

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { programAvailable, programs, type Program } from "../server/required-program.ts";
import { applies, type Behaviour, type Servers } from "./behaviour.ts";
import { behaviours } from "./matrix.ts";
import { type SharedRabbit, shareRabbit } from "./rabbit.ts";
import { releases } from "./release.ts";
import { Stage } from "./stage.ts";
import { type Cell, type Column, columns, marks, tables } from "./table.ts";

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true, default: [] }, write: { type: "boolean", default: false } },
});
const page = fileURLToPath(new URL("../../docs/interop.md", import.meta.url));
const needed: Readonly<Record<Servers, readonly Program[]>> = {
  redis: ["redis-server"],
  rabbitmq: ["redis-server", "rabbitmq-server"],
  rpc: ["redis-server", "rabbitmq-server"],
};
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const rows = behaviours.filter(
  ({ name }) => values.only.length === 0 || values.only.some((wanted) => name.startsWith(wanted)),
);
if (rows.length === 0) {
  say(`no row begins so; there are:\n${[...new Set(behaviours.map(({ name }) => `  ${name}`))].join("\n")}`);
  process.exit(2);
}
const cells = new Map<Behaviour, Map<Column, Cell>>(rows.map((row) => [row, new Map()]));
let rabbit: SharedRabbit | undefined;
try {
  for (const column of columns) await fill(column);
} finally {
  await rabbit?.[Symbol.asyncDispose]();
}

const table = tables(rows, (row, column) => cells.get(row)?.get(column));
process.stdout.write(`${table}\n`);
const all = [...cells.values()].flatMap((row) => [...row.values()]);
const count = (kind: Cell["kind"]): number => all.filter((cell) => cell.kind === kind).length;
const green = all.length > 0 && count("green") === all.length;
if (values.write && green && values.only.length === 0) await write();
else if (values.write) say("docs/interop.md stays as it is: it shows whole matrices that are green.");
say(`${String(count("green"))} passed, ${String(count("red"))} failed, ${String(count("skipped"))} skipped`);
process.exitCode = green ? 0 : 1;

async function fill(column: Column): Promise<void> {
  const { servers } = column;
  const release = releases[column.release];
  const mine = rows.filter((row) => applies(row, servers, column.release));
  if (mine.length === 0) return;
  const missing = needed[servers].find((program) => !programAvailable(program));
  const why =
    missing !== undefined
      ? `${missing} is not installed: ${programs[missing]}`
      : release.available
        ? undefined
        : `${release.program} is not installed: ${release.install}`;
  if (why !== undefined) {
    say(`skipped ${servers}, Celery ${column.release}: ${why}`);
    for (const row of mine) cells.get(row)?.set(column, { kind: "skipped", why });
    return;
  }
  if (servers !== "redis") rabbit ??= await shareRabbit();
  await using stage = await Stage.open({ servers, release, rabbit: servers === "redis" ? undefined : rabbit });
  for (const row of mine) {
    if (row.needs !== undefined && !programAvailable(row.needs)) {
      cells.get(row)?.set(column, { kind: "skipped", why: `${row.needs}: ${programs[row.needs]}` });
      continue;
    }
    const begun = performance.now();
    const cell = await stage.try(row).then(
      (): Cell => ({ kind: "green", celery: stage.celery }),
      (error: unknown): Cell => ({ kind: "red", why: error instanceof Error ? error.message : String(error) }),
    );
    cells.get(row)?.set(column, cell);
    const end = cell.kind === "green" ? cell.celery : `FAILED ${cell.kind === "red" ? cell.why : ""}`;
    const took = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    say(`${servers}, Celery ${column.release}: ${row.direction}: ${row.name}: ${end} (${took})`);
  }
}

async function write(): Promise<void> {
  const text = await readFile(page, "utf8");
  const [before, rest] = text.split(marks.begin);
  const after = rest?.split(marks.end)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/interop.md has no line ${marks.begin}`);
  await writeFile(page, `${before}${marks.begin}\n\n${table}\n${marks.end}${after}`);
  say("docs/interop.md shows it now.");
}
