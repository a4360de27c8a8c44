/** The user's database as the outbox needs it: a function that runs one statement, whatever driver is behind it. */

import { CeleriacError } from "../error/celeriac-error.ts";

/** One row: an object with a member for each column. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Runs one statement with its parameters (`$1` on PostgreSQL, `?` elsewhere) on one connection. Gives the rows, in an array or as `rows`;
 * what it gives for a statement without rows does not matter.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * import type { Query } from "celeriac/outbox";
 * import mysql from "mysql2/promise";
 * import pg from "pg";
 * const client = new pg.Client("postgres:///shop");
 * const onPostgres: Query = (sql, params) => client.query(sql, [...params]);
 * const connection = await mysql.createConnection("mysql://127.0.0.1/shop");
 * const onMysql: Query = async (sql, params) => (await connection.query(sql, [...params]))[0];
 * const db = new DatabaseSync("shop.db");
 * const onSqlite: Query = (sql, params) => db.prepare(sql).all(...params);
 * ```
 */
export type Query = (sql: string, params: readonly (string | number | null)[]) => unknown;

/**
 * A connection that a relay has for itself.
 *
 * @example
 * ```ts
 * import pg from "pg";
 * import type { OutboxConnection } from "celeriac/outbox";
 * const pool = new pg.Pool({ connectionString: "postgres:///shop" });
 * const connect = async (): Promise<OutboxConnection> => {
 *   const client = await pool.connect();
 *   return { query: (sql, params) => client.query(sql, [...params]), close: (error) => client.release(error !== undefined) };
 * };
 * ```
 */
export interface OutboxConnection {
  readonly query: Query;
  /** Gives it back. `error`: it failed or did not answer, so it must not be used again. */
  close(error?: unknown): unknown;
}

/** The rows of an answer. Throws CONFIG_INVALID for a query function that gives none. */
export function rowsOf(answer: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(answer) ? answer : (answer as { readonly rows?: unknown } | null)?.rows;
  if (Array.isArray(rows) && rows.every((row) => typeof row === "object" && row !== null && !Array.isArray(row)))
    return rows as readonly Row[];
  throw new CeleriacError(
    "CONFIG_INVALID",
    "The outbox's query function gave no rows. It must give an array of objects, or an object with such an array as `rows`; with mysql2 that is the first element of what query() gives.",
  );
}
