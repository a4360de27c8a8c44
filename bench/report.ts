/** Figures as text: one table for each measurement, with the ratio to every peer and to the budget. */

import { budgetOf } from "./budget.ts";
import { median } from "./statistics.ts";

/** All rounds of one system in one measurement: a list of values for each figure. */
export interface Row {
  readonly system: string;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

export interface Measurement {
  /** "e2e", "enqueue-single", … */
  readonly what: string;
  readonly broker: string;
  readonly pool: string;
  readonly bytes: number;
  readonly rows: readonly Row[];
}

export interface Comparison {
  readonly peer: string;
  readonly figure: string;
  /** Ours to theirs; above 1 is more. */
  readonly ratio: number;
  /** The budget's words, and whether the ratio meets them; absent where there is no budget. */
  readonly floor?: { readonly limit: number; readonly met: boolean };
  readonly goal?: { readonly limit: number; readonly met: boolean };
}

const titles: Readonly<Record<string, string>> = {
  tasksPerSecond: "tasks/s",
  cpu: "CPU ms/10k",
  producerCpu: "producer",
  workerCpu: "worker",
  serverCpu: "server",
  commandsPerTask: "cmds/task",
  rssIdle: "RSS MB idle",
  rssEnd: "RSS MB end",
  start50: "start p50 ms",
  start99: "start p99 ms",
  result50: "result p50 ms",
  result99: "result p99 ms",
  idleCpu: "idle CPU %",
  serverRss: "server MB",
  member100: "µs/member, 100",
  member1000: "µs/member, 1000",
  memberLarge: "µs/member, all",
};

/** Figures of single commands begin with it. */
const command = "cmd.";

export function comparisons(measurement: Measurement): readonly Comparison[] {
  const [own, ...peers] = measurement.rows;
  if (own === undefined) return [];
  const absolute = compare(measurement, own, undefined);
  return [...absolute, ...peers.flatMap((peer) => compare(measurement, own, peer))];
}

function compare(measurement: Measurement, own: Row, peer: Row | undefined): Comparison[] {
  const found: Comparison[] = [];
  for (const [figure, values] of Object.entries(own.figures)) {
    const budget = budgetOf(measurement, figure, peer?.system);
    const theirs = peer?.figures[figure];
    if (peer === undefined ? budget === undefined : theirs === undefined || theirs.length === 0) continue;
    if (budget === undefined && figure !== "tasksPerSecond" && figure !== "cpu" && !figure.endsWith("50")) continue;
    // Round by round, so that what disturbed one round disturbed both of its halves.
    const ratio = theirs === undefined ? median(values) : median(values.map((value, at) => value / (theirs[at] ?? 0)));
    const judge = (limit: number): { limit: number; met: boolean } => ({
      limit,
      met: budget?.better === "less" ? ratio <= limit : ratio >= limit,
    });
    found.push({
      peer: peer?.system ?? "",
      figure,
      ratio,
      ...(budget !== undefined && { floor: judge(budget.floor), goal: judge(budget.goal) }),
    });
  }
  return found;
}

export function tableOf(measurement: Measurement): string {
  const { what, broker, pool, bytes, rows } = measurement;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))].filter(
    (name) => !name.startsWith(command),
  );
  const lines = [["", ...columns.map((column) => titles[column] ?? column)]];
  for (const row of rows) lines.push([row.system, ...columns.map((column) => cell(row.figures[column] ?? []))]);
  const verdicts = comparisons(measurement).map(verdict);
  const title = `${what} on ${broker}, pool ${pool}, ${bytes} B`;
  return [title, ...aligned(lines, 1), ...commandLines(rows), ...verdicts].join("\n");
}

/** Lines of columns, the first `left` of them words and the others figures. */
export function aligned(lines: readonly (readonly string[])[], left: number): readonly string[] {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => (line[at] ?? "").length)));
  const cellOf = (word: string, at: number): string =>
    at < left ? word.padEnd(widths[at] ?? 0) : word.padStart(widths[at] ?? 0);
  return lines.map((line) => line.map(cellOf).join("  "));
}

/** Which commands a task takes, the most frequent first. */
function commandLines(rows: readonly Row[]): string[] {
  return rows.flatMap(({ system, figures }) => {
    const counts = Object.entries(figures)
      .filter(([name]) => name.startsWith(command))
      .map(([name, values]) => [name.slice(command.length), median(values)] as const)
      .toSorted((one, other) => other[1] - one[1]);
    if (counts.length === 0) return [];
    return [`  ${system} a task: ${counts.map(([name, count]) => `${name} ${count.toFixed(2)}`).join(", ")}`];
  });
}

/** The median, and how far the rounds were apart. */
function cell(values: readonly number[]): string {
  if (values.length === 0) return "";
  const middle = median(values);
  const spread = Math.max(...values) - Math.min(...values);
  const range = values.length > 1 && middle !== 0 ? ` ±${Math.round((50 * spread) / middle)}%` : "";
  return `${short(middle)}${range}`;
}

export function titleOf({ what, broker, pool, bytes }: Measurement): string {
  return [what, broker, pool, bytes > 100 ? `${bytes} B` : ""].filter((word) => word !== "").join(", ");
}

export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}k`;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function verdict({ peer, figure, ratio, floor, goal }: Comparison): string {
  const name = `  ${titles[figure] ?? figure}${peer === "" ? "" : ` against ${peer}`}: `;
  const value = peer === "" ? short(ratio) : `${ratio.toFixed(2)} ×`;
  if (floor === undefined || goal === undefined) return name + value;
  const word = goal.met ? "goal met" : floor.met ? "floor met" : "BELOW FLOOR";
  return `${name}${value} (floor ${limitText(floor.limit)}, goal ${limitText(goal.limit)}: ${word})`;
}

/** A budget's limit. */
export const limitText = (limit: number): string => String(Math.round(limit * 100) / 100);
