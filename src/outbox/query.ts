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
 * const onPostgres: Query = (sql, params) => client.query(sql, [...params]); // pg
 * const onMysql: Query = async (sql, params) => (await connection.query(sql, [...params]))[0]; // mysql2/promise
 * const onSqlite: Query = (sql, params) => db.prepare(sql).all(...params); // node:sqlite
 * ```
 */
export type Query = (sql: string, params: readonly (string | number | null)[]) => unknown;

/** A connection that a relay has for itself. */
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
