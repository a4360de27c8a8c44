/**
 * Who did what, and what was refused: a file of its own beside the history, because that one may be thrown away. Written before the answer
 * goes out. Bounded: of more than 100 000 rows the oldest go.
 */

import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ActionKind, AuditPage, AuditRow } from "../contract.ts";

const most = 100_000;
const longestRequest = 4_000;

const schema = `
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, user TEXT NOT NULL, address TEXT, kind TEXT NOT NULL,
  request TEXT NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, refused TEXT
);
`;

export interface Deed {
  readonly at: number;
  readonly user: string;
  readonly address: string | undefined;
  readonly do: ActionKind;
  /** Redacted. */
  readonly request: Readonly<Record<string, unknown>>;
}

export class AuditLog {
  readonly #database: DatabaseSync;
  #written = 0;

  /** Beside the history at `path`; ":memory:" keeps it as long as the process. */
  constructor(path: string) {
    if (path === ":memory:") this.#database = new DatabaseSync(path);
    else {
      const file = path.replace(/(?:\.db)?$/, "-audit.db");
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      this.#database = new DatabaseSync(file, { timeout: 2000 });
      chmodSync(file, 0o600);
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    }
    this.#database.exec(schema);
  }

  /** Gives its id. `refused`: nothing was done, and why. */
  begin(deed: Deed, refused?: string): string {
    const text = JSON.stringify(deed.request);
    const request = text.length <= longestRequest ? text : JSON.stringify({ do: deed.do, leftOut: text.length });
    const { lastInsertRowid } = this.#database
      .prepare(
        "INSERT INTO audit (at, user, address, kind, request, done, failed, refused) VALUES (?, ?, ?, ?, ?, 0, 0, ?)",
      )
      .run(deed.at, deed.user, deed.address ?? null, deed.do, request, refused ?? null);
    if (++this.#written % 1_000 === 1)
      this.#database.prepare("DELETE FROM audit WHERE id <= ?").run(Number(lastInsertRowid) - most);
    return String(lastInsertRowid);
  }

  /** What became of it. */
  end(id: string, done: number, failed: number, refused?: string): void {
    this.#database
      .prepare("UPDATE audit SET done = ?, failed = ?, refused = ? WHERE id = ?")
      .run(done, failed, refused ?? null, Number(id));
  }

  /** The newest first. */
  page(after: string | undefined, limit: number, now: number): AuditPage {
    const before = after !== undefined && /^\d{1,15}$/.test(after) ? Number(after) : Number.MAX_SAFE_INTEGER;
    const rows = this.#database
      .prepare("SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?")
      .all(before, limit + 1);
    const items = rows.slice(0, limit).map(rowOf);
    const last = items.at(-1);
    return { at: now, gaps: [], items, ...(rows.length > limit && last !== undefined && { next: last.id }) };
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function rowOf(row: Readonly<Record<string, unknown>>): AuditRow {
  const { address, refused } = row;
  return {
    id: String(row["id"]),
    at: Number(row["at"]),
    user: String(row["user"]),
    do: row["kind"] as ActionKind,
    request: JSON.parse(String(row["request"])) as Readonly<Record<string, unknown>>,
    done: Number(row["done"]),
    failed: Number(row["failed"]),
    ...(typeof address === "string" && { address }),
    ...(typeof refused === "string" && { refused }),
  };
}
