/** What goes to the terminal, or to the pipe in its place: lines, tables, JSON for scripts. Colour only where it can be seen. */

import { styleText } from "node:util";
import { clean, cleanJson } from "../wire/visible-text.ts";

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One value for a script: exactly one line. */
export function printJson(value: unknown): void {
  printLine(cleanJson(JSON.stringify(value)));
}

export type Style = "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

/** Colour where the stream is a terminal that has it; NO_COLOR and FORCE_COLOR are obeyed. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string | number;
  readonly right?: boolean;
}

/** Rows under titles, cut to the width of the terminal; whole when the output is a pipe. Nothing but the titles without rows. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
  const limit = process.stdout.isTTY ? process.stdout.columns : Infinity;
  for (const line of tableLines(columns, rows, limit)) printLine(line);
}

/** The same as lines of at most `limit` characters. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], limit: number): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => clean(String(cell(row)))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const show = (line: readonly string[]): string => {
    const text = line
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.right ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
    return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
  };
  return [paint("bold", show(columns.map(({ title }) => title))), ...cells.map(show)];
}

/** "3 s", "12 min", "2 h", "5 d": how long ago, for people. */
export function age(ms: number): string {
  const steps = [
    [1000, "ms"],
    [60, "s"],
    [60, "min"],
    [24, "h"],
  ] as const;
  let value = Math.max(0, ms);
  for (const [size, unit] of steps) {
    if (value < size) return `${String(Math.round(value))} ${unit}`;
    value /= size;
  }
  return `${String(Math.round(value))} d`;
}
