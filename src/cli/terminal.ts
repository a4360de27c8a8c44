/**
 * What goes to the terminal. Names, errors and results come from other people's messages, so every control character in them
 * is made visible: nothing that is shown can move the cursor, change the title or turn text around.
 */

import { styleText } from "node:util";

// C0 and C1 with DEL; the marks that change the direction of writing; the two line breaks of Unicode.
const control = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** The text with control characters written as `\u{1b}`; those in `keep` stay. */
export function clean(text: string, keep = ""): string {
  return text.replace(control, (char) => (keep.includes(char) ? char : `\\u{${char.charCodeAt(0).toString(16)}}`));
}

/** JSON for a program, safe to look at as well: what `clean` replaces is escaped, which leaves the value the same. */
export function cleanJson(json: string): string {
  return json.replace(control, (char) =>
    char === "\n" ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

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
  const cells = rows.map((row) => columns.map(({ cell }) => clean(String(cell(row)))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const limit = process.stdout.isTTY ? process.stdout.columns : Infinity;
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
  printLine(paint("bold", show(columns.map(({ title }) => title))));
  for (const line of cells) printLine(show(line));
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
