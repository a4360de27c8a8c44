/**
 * What really ran, written by the tasks themselves: one line when a run starts, one when its file is in place. The demo's verdict counts
 * repeated runs from here and not from what the system says about itself. A line is one append, so lines of many processes never mix,
 * and what was appended survives the SIGKILL of its writer.
 */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface JournalLine {
  readonly what: "start" | "end";
  readonly id: string;
  readonly attempt: number;
  readonly fence: number;
  /** The pool child that ran it, and the worker process that owns the child. */
  readonly child: number;
  readonly worker: number;
  readonly at: number;
}

type Run = Pick<JournalLine, "id" | "attempt" | "fence">;

export function noteStart(folder: string, run: Run): void {
  note(folder, "start", run);
}

export function noteEnd(folder: string, run: Run): void {
  note(folder, "end", run);
}

function note(folder: string, what: JournalLine["what"], { id, attempt, fence }: Run): void {
  const line: JournalLine = { what, id, attempt, fence, child: process.pid, worker: process.ppid, at: Date.now() };
  appendFileSync(journalPath(folder), `${JSON.stringify(line)}\n`);
}

export function journalPath(folder: string): string {
  return join(folder, "journal.ndjson");
}

export function readJournal(folder: string): readonly JournalLine[] {
  const path = journalPath(folder);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  lines.pop(); // after the last line end there is nothing, or a line that is being written
  return lines.map((line) => JSON.parse(line) as JournalLine);
}

/** Ids that `worker` has begun and not ended: what a kill now would interrupt. */
export function openRuns(journal: readonly JournalLine[], worker: number): readonly string[] {
  const open = new Map<string, string>();
  for (const line of journal) {
    if (line.worker !== worker) continue;
    if (line.what === "start") open.set(`${line.id} ${line.fence}`, line.id);
    else open.delete(`${line.id} ${line.fence}`);
  }
  return [...new Set(open.values())];
}

/** Starts beyond the first of each id. */
export function countReruns(journal: readonly JournalLine[]): number {
  const starts = journal.filter((line) => line.what === "start");
  return starts.length - new Set(starts.map((line) => line.id)).size;
}
