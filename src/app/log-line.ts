/** Lines of a log for people: time, title, words; and their writing, those of one turn together. Of workers and schedulers alike. */

import { styleText } from "node:util";
import { clean } from "../wire/visible-text.ts";

export type LogStyle = "bold" | "dim" | "green" | "red" | "yellow";

/** `at`: unix ms. Words that are empty or no text are left out. */
export function logLine(at: number, title: string, colour: LogStyle | undefined, words: readonly unknown[]): string {
  const said = words.filter((word): word is string => typeof word === "string" && word !== "");
  const name = title.padEnd(15);
  const time = paint("dim", localTime(at));
  return `${time} ${colour === undefined ? name : paint(colour, name)} ${clean(said.join("  "))}`;
}

export function details(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

/** Writes the lines of one turn together, because a worker of small tasks has thousands of them a second. */
export class LineWriter {
  readonly #write: (text: string) => void;
  #lines = "";

  constructor(write: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#write = write;
  }

  add(line: string): void {
    if (this.#lines === "") setImmediate(() => this.flush());
    this.#lines += `${line}\n`;
  }

  flush(): void {
    if (this.#lines === "") return;
    const lines = this.#lines;
    this.#lines = "";
    this.#write(lines);
  }
}

/** Local time with milliseconds; a log is read where it is written. */
function localTime(at: number): string {
  const date = new Date(at);
  return `${date.toLocaleTimeString("sv-SE")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** Colour where standard output is a terminal that has it; NO_COLOR and FORCE_COLOR are obeyed. */
function paint(style: LogStyle, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
