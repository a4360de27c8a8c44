/**
 * One connection to the queue file: opens and checks it, creates its tables, begins and ends transactions. Refuses files that
 * are not ours, that a newer version wrote, or that lie where locks do not work. Never opens the file by other means: closing
 * a second descriptor would drop the POSIX locks of this whole process.
 */

import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Warning } from "../../port/units.ts";
import { busyError, isBusy } from "./failure.ts";
import { openPrivately } from "./file-mode.ts";
import { networkFilesystem } from "./host.ts";
import type { Prepared, Row, Sql } from "./sql.ts";
import { hasTables, makeTables } from "./tables.ts";

/** Rows as arrays are a third cheaper than objects at a hundred of them. */
export class Statement implements Prepared {
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    statement.setReturnArrays(true);
    this.#statement = statement;
  }

  run(...values: SQLInputValue[]): number {
    return this.#statement.run(...values).changes as number;
  }

  insert(...values: SQLInputValue[]): number {
    return this.#statement.run(...values).lastInsertRowid as number;
  }

  get(...values: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...values) as unknown as Row | undefined;
  }

  all(...values: SQLInputValue[]): readonly Row[] {
    return this.#statement.all(...values) as unknown as readonly Row[];
  }
}

export interface DatabaseOptions {
  readonly path: string;
  readonly embed: boolean;
  readonly durability: "power" | "process";
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread; used for fractions of a millisecond and, at opening only, for longer. */
export function pause(ms: number): void {
  Atomics.wait(cell, 0, 0, ms);
}

export class Database implements Sql {
  readonly path: string;
  readonly warnings: readonly Warning[];
  readonly #sql: DatabaseSync;
  readonly #durable: boolean;
  #synchronous: "FULL" | "NORMAL" = "FULL";
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #version: Statement;

  constructor(options: DatabaseOptions) {
    this.path = checkPlace(options.path);
    this.#durable = options.durability === "power";
    this.#sql = openPrivately(this.path, () => new DatabaseSync(this.path, { timeout: 0 }));
    try {
      this.warnings = prepareFile(this.#sql, this.path, options.embed);
    } catch (error) {
      this.#sql.close();
      throw error;
    }
    this.#begin = this.prepare("BEGIN IMMEDIATE");
    this.#commit = this.prepare("COMMIT");
    this.#rollback = this.prepare("ROLLBACK");
    this.#version = this.prepare("PRAGMA data_version");
  }

  prepare(text: string): Statement {
    return new Statement(this.#sql.prepare(text));
  }

  exec(text: string): void {
    this.#sql.exec(text);
  }

  /**
   * Begins a write. `durable` is for what the caller is promised: claims, starts and renewals go without an fsync, since after a
   * power cut every lease is over anyway. False: locked by another process; nothing happened.
   */
  begin(durable: boolean): boolean {
    const synchronous = durable && this.#durable ? "FULL" : "NORMAL";
    if (synchronous !== this.#synchronous) {
      this.#sql.exec(`PRAGMA synchronous = ${synchronous}`);
      this.#synchronous = synchronous;
    }
    // Most foreign transactions are over in a fraction of a millisecond, which no timer can wait for.
    for (let turn = 0; ; turn++) {
      try {
        this.#begin.run();
        return true;
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (turn === 4) return false;
        pause((0.1 + Math.random() * 0.2) * (turn + 1));
      }
    }
  }

  commit(): void {
    this.#commit.run();
  }

  rollback(): void {
    // SQLite has rolled back by itself after some errors (full disk, I/O).
    if (this.#sql.isTransaction) this.#rollback.run();
  }

  /** Changes when another connection has committed. */
  version(): number {
    return this.#version.get()?.[0] as number;
  }

  /** Writes the log back as far as readers let it. Returns the pages that are left, or undefined if it could not be done. */
  checkpoint(mode: "PASSIVE" | "RESTART"): number | undefined {
    try {
      const row = this.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
      return Math.max(0, Number(row?.[1]) - Number(row?.[2]));
    } catch {
      // A full disk or a failing one: the log keeps everything until it goes again.
      return undefined;
    }
  }

  close(): void {
    if (this.#sql.isOpen) this.#sql.close();
  }
}

function checkPlace(path: string): string {
  const directory = dirname(path);
  let real: string;
  try {
    real = realpathSync(directory);
  } catch (cause) {
    throw new CeleriacError(
      "BACKEND_UNREACHABLE",
      `The directory ${directory} of the database file does not exist. Create it, or name another file in the broker URL.`,
      { cause, details: { path } },
    );
  }
  const file = existsSync(path) ? realpathSync(path) : join(real, basename(path));
  const network = networkFilesystem(dirname(file));
  if (network !== undefined) {
    throw new CeleriacError(
      "DATABASE_NETWORK_FILESYSTEM",
      `${file} lies on ${network}, where SQLite's locks are not reliable, so tasks could be lost or doubled. Use a local disk, or Redis.`,
      { details: { path: file, filesystem: network } },
    );
  }
  if (existsSync(file) && !statSync(file).isFile()) {
    throw new CeleriacError("DATABASE_FOREIGN", `${file} is not a regular file. Name another file in the broker URL.`, {
      details: { path: file },
    });
  }
  for (const place of existsSync(file) ? [dirname(file), file] : [dirname(file)]) {
    try {
      accessSync(place, constants.W_OK);
    } catch (cause) {
      throw new CeleriacError(
        "DATABASE_READ_ONLY",
        `${place} cannot be written. Give this user write access to the file and to its directory, where the -wal and -shm files live.`,
        { cause, details: { path: file } },
      );
    }
  }
  return file;
}

function prepareFile(sql: DatabaseSync, path: string, embed: boolean): readonly Warning[] {
  const own: Sql = { prepare: (text) => new Statement(sql.prepare(text)), exec: (text) => sql.exec(text) };
  const ours = patiently(path, () => hasTables(own, path, embed));
  if (!ours && !embed) patiently(path, () => sql.exec("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL"));
  const mode = patiently(path, () => sql.prepare("PRAGMA journal_mode = WAL").get()) as { journal_mode?: string };
  if (mode.journal_mode !== "wal") {
    throw new CeleriacError(
      "BACKEND_REFUSED",
      `${path} cannot use a write-ahead log here. Put it on an ordinary local disk.`,
    );
  }
  sql.exec(
    "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000",
  );
  patiently(path, () => makeTables(own, path, embed));
  return versionWarnings(sql);
}

function versionWarnings(sql: DatabaseSync): readonly Warning[] {
  const { version } = sql.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major * 1e6 + minor * 1e3 + patch >= 3_051_003) return [];
  return [
    {
      code: "SQLITE_VERSION",
      text: `SQLite ${version} is older than 3.51.3, in which a rare damage of write-ahead logs shared by several processes was repaired. Update Node.js.`,
    },
  ];
}

function patiently<T>(path: string, step: () => T): T {
  const start = performance.now();
  for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
    try {
      return step();
    } catch (error) {
      const waited = Math.round(performance.now() - start);
      if (!isBusy(error)) throw error;
      if (waited > 5000) throw busyError(path, waited);
      pause(wait * (0.5 + Math.random()));
    }
  }
}
