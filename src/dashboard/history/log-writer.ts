/** Log lines of tasks: the newest thousand of each. A line that is told twice is one line. */

import type { Database } from "./database.ts";
import type { LogRecord } from "./reading.ts";

export const mostLines = 1_000;
/** Trimmed in strides, so that a talkative task does not pay with every line. */
const stride = 100;

export class LogWriter {
  readonly #database: Database;
  /** Lines since the last look, by row of the task. */
  readonly #written = new Map<number, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  write(task: number, { at, clock, level, text, fields, attempt }: LogRecord): void {
    const hash = hashOf(`${level} ${text} ${fields ?? ""}${attempt === undefined ? "" : ` ${String(attempt)}`}`);
    this.#database
      .query(
        "INSERT OR IGNORE INTO log (task, at, clock, hash, level, attempt, text, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      )
      .run(task, at, clock, hash, level, attempt ?? null, text, fields ?? null);
    const written = (this.#written.get(task) ?? 0) + 1;
    if (written < stride) {
      if (this.#written.size >= 10_000) this.#written.clear();
      this.#written.set(task, written);
      return;
    }
    this.#written.delete(task);
    this.#trim(task);
  }

  #trim(task: number): void {
    const last = this.#database
      .query("SELECT at, clock, hash FROM log WHERE task = ? ORDER BY at DESC, clock DESC, hash DESC LIMIT 1 OFFSET ?")
      .get(task, mostLines - 1);
    if (!last) return;
    const [at = 0, clock = 0, hash = 0] = last;
    const cut = this.#database
      .query("DELETE FROM log WHERE task = ? AND (at, clock, hash) < (?, ?, ?)")
      .run(task, at, clock, hash);
    if (cut > 0) this.#database.query("UPDATE task SET cut = cut + ? WHERE id = ?").run(cut, task);
  }
}

/** FNV-1a, 32 bits: tells apart lines of one task and one moment. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
