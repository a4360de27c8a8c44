/** The user's connection as the steps of this driver see it, whatever shape its library gives rows and numbers. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { SqliteConnection, SqliteStatement } from "../../port/within.ts";
import type { Prepared, Row, Sql } from "./sql.ts";

export class UserSql implements Sql {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    if (!isConnection(connection)) {
      throw new CeleriacError(
        "CONFIG_INVALID",
        "This is no connection to an SQLite file. Give a DatabaseSync of node:sqlite, or an object with prepare, exec and inTransaction, as better-sqlite3 has.",
      );
    }
    this.#connection = connection;
  }

  prepare(text: string): Prepared {
    const statement = this.#connection.prepare(text) as Loose;
    return {
      run: (...values) => Number(statement.run(...values).changes),
      insert: (...values) => Number(statement.run(...values).lastInsertRowid),
      get: (...values) => rowOf(statement.get(...values)),
      all: (...values) => statement.all(...values).map((row) => rowOf(row) ?? []),
    };
  }

  exec(text: string): void {
    this.#connection.exec(text);
  }

  get inTransaction(): boolean {
    return (this.#connection.isTransaction ?? this.#connection.inTransaction) === true;
  }

  /** False: another copy of SQLite in this process, which knows nothing of the locks that ours holds. */
  get isOurLibrary(): boolean {
    return this.#connection instanceof DatabaseSync;
  }
}

interface Loose {
  run(...values: SQLInputValue[]): ReturnType<SqliteStatement["run"]>;
  get(...values: SQLInputValue[]): unknown;
  all(...values: SQLInputValue[]): unknown[];
}

function isConnection(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { prepare, exec, isTransaction, inTransaction } = value as Partial<SqliteConnection>;
  return (
    typeof prepare === "function" && typeof exec === "function" && typeof (isTransaction ?? inTransaction) === "boolean"
  );
}

/** An object's members stand in the order of the columns: none of ours has a name that is a number. */
function rowOf(row: unknown): Row | undefined {
  if (typeof row !== "object" || row === null) return undefined;
  const values: readonly unknown[] = Array.isArray(row) ? (row as readonly unknown[]) : Object.values(row);
  return values.map((value) => (typeof value === "bigint" ? Number(value) : (value as Row[number])));
}
