/**
 * The history's file. What is no database, or a damaged history, is moved aside and a new one begun: nobody should lose a dashboard over
 * what it remembers. What belongs to another program or a newer version is left alone and refused.
 */

import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { applicationId, schema, schemaVersion, upgrades } from "./schema.ts";

/** Kept until the process ends; has one connection alone. */
export const inMemory = ":memory:";

export type Row = readonly (string | number | null | Uint8Array)[];

/** Rows come as arrays. */
export class Query {
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    statement.setReturnArrays(true);
    this.#statement = statement;
  }

  run(...values: SQLInputValue[]): number {
    return Number(this.#statement.run(...values).changes);
  }

  /** Runs an insert and gives the new row's id. */
  insert(...values: SQLInputValue[]): number {
    return Number(this.#statement.run(...values).lastInsertRowid);
  }

  get(...values: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...values) as unknown as Row | undefined;
  }

  all(...values: SQLInputValue[]): readonly Row[] {
    return this.#statement.all(...values) as unknown as readonly Row[];
  }
}

/** One connection with its prepared statements. */
export class Database {
  readonly #sql: DatabaseSync;
  readonly #queries = new Map<string, Query>();

  constructor(path: string, readOnly: boolean) {
    this.#sql = new DatabaseSync(path, { readOnly, timeout: 2000 });
  }

  /** The same text gives the same statement; texts are few, made by code alone. */
  query(text: string): Query {
    let query = this.#queries.get(text);
    if (!query) this.#queries.set(text, (query = new Query(this.#sql.prepare(text))));
    return query;
  }

  exec(text: string): void {
    this.#sql.exec(text);
  }

  /** All or nothing. */
  transaction<T>(begin: "BEGIN IMMEDIATE" | "BEGIN", work: () => T): T {
    this.query(begin).run();
    try {
      const result = work();
      this.query("COMMIT").run();
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (full disk, I/O).
      if (this.#sql.isTransaction) this.query("ROLLBACK").run();
      throw error;
    }
  }

  number(text: string): number {
    return Number(this.query(text).get()?.[0] ?? 0);
  }

  close(): void {
    this.#queries.clear();
    if (this.#sql.isOpen) this.#sql.close();
  }
}

/** SQLite's primary result code; undefined for errors of another origin. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}
const corrupt = 11;
const notADatabase = 26;

export function isDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === corrupt || code === notADatabase;
}

/**
 * Opens it for writing, made new if need be. `moved`: where a damaged one lies now.
 * Throws DATABASE_FOREIGN, DATABASE_VERSION, BACKEND_UNREACHABLE.
 */
export function openHistoryFile(path: string, now: number): { readonly database: Database; readonly moved?: string } {
  try {
    return { database: openForWriting(path) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const moved = moveAside(path, now);
    return { database: openForWriting(path), moved };
  }
}

/** The file and its log, under a name that says since when it is broken. */
export function moveAside(path: string, now: number): string {
  const moved = `${path}.broken-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
  renameSync(path, moved);
  // Its log may be the damage, and belongs to no other file.
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${moved}-wal`);
  rmSync(`${path}-shm`, { force: true });
  return moved;
}

function openForWriting(path: string): Database {
  let database: Database;
  const fresh = path !== inMemory && !existsSync(path);
  try {
    if (fresh) mkdirSync(dirname(path), { recursive: true });
    database = new Database(path, false);
    // What tasks were given and gave is nobody else's; the log and index files beside it take its mode.
    if (fresh) chmodSync(path, 0o600);
  } catch (cause) {
    if (isDamage(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CeleriacError(
      "BACKEND_UNREACHABLE",
      `The history ${path} cannot be opened (${why}). Look whether its directory exists and this user may write there, or name another file.`,
      { cause, details: { path } },
    );
  }
  try {
    prepare(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: Database, path: string): void {
  const tables = database.number("SELECT count(*) FROM sqlite_master");
  if (tables > 0) {
    if (database.number("PRAGMA application_id") !== applicationId)
      throw new CeleriacError(
        "DATABASE_FOREIGN",
        `${path} is a database of another program (${String(tables)} tables), not a history. Name another file.`,
        { details: { path } },
      );
    const version = database.number("PRAGMA user_version");
    if (version > schemaVersion)
      throw new CeleriacError(
        "DATABASE_VERSION",
        `${path} was written by a newer version (schema ${String(version)}, this one knows ${String(schemaVersion)}). Update this process first, or name another file.`,
        { details: { path, found: version, known: schemaVersion } },
      );
  } else database.exec("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000",
  );
  if (tables > 0) return upgrade(database);
  database.transaction("BEGIN IMMEDIATE", () => {
    database.exec(schema);
    database.exec(`PRAGMA application_id = ${String(applicationId)}; PRAGMA user_version = ${String(schemaVersion)}`);
  });
}

function upgrade(database: Database): void {
  const version = database.number("PRAGMA user_version");
  if (version === schemaVersion) return;
  database.transaction("BEGIN IMMEDIATE", () => {
    for (const step of upgrades.slice(version - 1)) database.exec(step);
    database.exec(`PRAGMA user_version = ${String(schemaVersion)}`);
  });
}

/** A second connection that only reads, at no time in the writer's way. */
export function openForReading(path: string): Database {
  const database = new Database(path, true);
  database.exec("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000");
  return database;
}
