/** Publishing inside a transaction of the user's own, where the queue lies in his database. */

import type { BackendOptions } from "./backend.ts";
import type { Outgoing, Published } from "./broker.ts";
import type { OpenJoin } from "./joins.ts";

/**
 * A connection to an SQLite file as Celeriac needs it: what `DatabaseSync` of `node:sqlite` has, and what `better-sqlite3` has. One of
 * `isTransaction` and `inTransaction` must be there.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * import type { SqliteConnection } from "celeriac";
 * const shop: SqliteConnection = new DatabaseSync("shop.db");
 * ```
 */
export interface SqliteConnection {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  /** Is a transaction open? By node:sqlite's name. */
  readonly isTransaction?: boolean;
  /** The same by better-sqlite3's name. */
  readonly inTransaction?: boolean;
}

/**
 * A prepared statement: rows as objects or arrays, numbers as numbers or bigints.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * import type { SqliteStatement } from "celeriac";
 * const insert: SqliteStatement = new DatabaseSync("shop.db").prepare("INSERT INTO orders (id) VALUES (?)");
 * ```
 */
export interface SqliteStatement {
  run(...values: never[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  get(...values: never[]): unknown;
  all(...values: never[]): unknown[];
}

export interface Transactional {
  /**
   * Stores the messages, and opens the joins before, in the transaction that is open: all of it, or nothing and the answers say why.
   * Nobody sees them before its commit, and nobody ever after its end by ROLLBACK. Throws NOT_IN_TRANSACTION, and what the connection throws.
   */
  publish(batch: readonly Outgoing[], joins: readonly OpenJoin[]): readonly Published[];
}

/** A connection on which nothing was done yet. */
export interface UnopenedWithin {
  /** False: another copy of the library, which neither knows nor keeps the locks of the driver, if that is open in this process. */
  readonly sharesLocks: boolean;
  /** Looks at the database, and makes the tables where they are missing. Throws DATABASE_DIFFERS and what an opening throws. */
  open(): Transactional;
}

/** Throws CONFIG_INVALID for what is no connection. */
export type OpenWithin = (
  options: Pick<BackendOptions, "url" | "clock" | "maxDepth" | "maxMessageBytes">,
  connection: SqliteConnection,
) => UnopenedWithin;
