/** The table of results in `docs/chaos.md`: one row for each broker, size and seed, written by the run itself. */

import { readFileSync, writeFileSync } from "node:fs";
import type { Outcome } from "./finish.ts";
import type { Asked } from "./report.ts";

const begin = "<!-- results of npm run chaos -- --results docs/chaos.md -->";
const end = "<!-- end of results -->";
const columns = [
  "broker",
  "tasks",
  "faults",
  "seed",
  "versions",
  "accepted",
  "run again",
  "claimed again p50 / p95 / p99 / max, ms",
  "bound, ms",
  "ticks",
  "violations",
];
/** By these a row is known; a second run of the same replaces it. */
const keyColumns = 4;
const timesColumn = columns.findIndex((name) => name.startsWith("claimed again"));

export type Figures = Pick<
  Outcome,
  "versions" | "accepted" | "rerun" | "recoveryMs" | "bound" | "ticks" | "skipped"
> & {
  readonly violations: readonly string[];
};

/** Throws where the document has no place for it. */
export function writeRow(file: string, asked: Asked, figures: Figures): void {
  writeFileSync(file, withRow(readFileSync(file, "utf8"), asked, figures));
}

export function withRow(document: string, asked: Asked, figures: Figures): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`the document has no lines "${begin}" and "${end}"`);
  const rows = document
    .slice(from + begin.length, to)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    )
    .map(withMax);
  const row = rowOf(asked, figures);
  const key = (cells: readonly string[]): string => cells.slice(0, keyColumns).join("|");
  const all = [...rows.filter((cells) => key(cells) !== key(row)), row].sort(inOrder);
  const text = [columns, columns.map(() => "---"), ...all].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return `${document.slice(0, from)}${begin}\n\n${text}\n\n${document.slice(to)}`;
}

function rowOf({ broker, tasks, faults, seed }: Asked, figures: Figures): readonly string[] {
  const { versions, accepted, rerun, bound, ticks, violations, skipped } = figures;
  const times = figures.recoveryMs.claim;
  return [
    broker,
    grouped(tasks),
    grouped(faults),
    String(seed),
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    grouped(accepted),
    grouped(rerun),
    times === undefined
      ? "nothing was interrupted"
      : [times.p50, times.p95, times.p99, times.max].map(grouped).join(" / "),
    grouped(bound),
    grouped(ticks.due),
    [String(violations.length), ...Object.keys(skipped).map((fault) => `without ${fault}`)].join(", "),
  ];
}

/** Rows of former runs have no longest time. */
function withMax(cells: readonly string[]): readonly string[] {
  return cells.map((cell, index) => (index === timesColumn && cell.split(" / ").length === 3 ? `${cell} / –` : cell));
}

/** By broker, then by size, then by seed. */
function inOrder(a: readonly string[], b: readonly string[]): number {
  const number = (text = ""): number => Number(text.replaceAll(" ", ""));
  return (a[0] ?? "").localeCompare(b[0] ?? "") || number(a[1]) - number(b[1]) || number(a[3]) - number(b[3]);
}

function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, " ");
}
