/**
 * The tables of the queue file: whether they are there, and making them. Refuses files that are not ours, or that a newer version wrote.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { identify } from "./host.ts";
import {
  applicationId,
  callSchema,
  joinSchema,
  ledgerSchema,
  fairSchema,
  limitSchema,
  queueSchema,
  scheduleSchema,
  schemaVersion,
} from "./schema.ts";
import type { Sql } from "./sql.ts";

/** Is it ours? Reads only, so that a foreign file is left exactly as it was. Throws DATABASE_FOREIGN and DATABASE_VERSION. */
export function hasTables(sql: Sql, path: string, embed: boolean): boolean {
  const tables = sql.prepare("SELECT name FROM main.sqlite_master WHERE type = 'table'").all();
  const found = tables.some(([name]) => name === "celeriac_meta");
  if (!found) {
    if (tables.length === 0 || embed) return false;
    throw new CeleriacError(
      "DATABASE_FOREIGN",
      `${path} is a database of another program (${tables.length} tables, none of ours). Name another file, or add ?embed to keep the queue inside it on purpose.`,
      { details: { path } },
    );
  }
  const version = Number(sql.prepare("SELECT value FROM main.celeriac_meta WHERE key = 'schema'").get()?.[0] ?? 0);
  if (version > schemaVersion) {
    throw new CeleriacError(
      "DATABASE_VERSION",
      `${path} was written by a newer version (schema ${version}, this one knows ${schemaVersion}). Update this process first.`,
      { details: { path, found: version, known: schemaVersion } },
    );
  }
  return true;
}

/** Makes what is missing, in a transaction of its own. */
export function makeTables(sql: Sql, path: string, embed: boolean): void {
  sql.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have made the tables since somebody looked.
    if (!hasTables(sql, path, embed)) {
      sql.exec(queueSchema);
      if (!embed) sql.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
    }
    sql.exec(ledgerSchema);
    nameMessages(sql);
    sql.exec(joinSchema);
    sql.exec(scheduleSchema);
    sql.exec(limitSchema);
    sql.exec(callSchema);
    sql.exec(fairSchema);
    endFormerBoot(sql);
    sql.exec("COMMIT");
  } catch (error) {
    rollBack(sql);
    throw error;
  }
}

/** Files that were made before a start knew its message have a table without that column. */
function nameMessages(sql: Sql): void {
  const known = sql.prepare("SELECT 1 FROM pragma_table_info('celeriac_start', 'main') WHERE name = 'message'").get();
  if (known === undefined) sql.exec("ALTER TABLE main.celeriac_start ADD COLUMN message TEXT");
}

/** SQLite has rolled back by itself after some errors (full disk, I/O), and then there is nothing to roll back. */
function rollBack(sql: Sql): void {
  try {
    sql.exec("ROLLBACK");
  } catch {
    // The first error is the one to tell.
  }
}

/** Leases are counted on a clock that starts again with the machine: those of a former boot are over. */
function endFormerBoot(sql: Sql): void {
  const { boot } = identify();
  if (boot === "") return;
  if (sql.prepare("SELECT value FROM main.celeriac_meta WHERE key = 'boot'").get()?.[0] === boot) return;
  sql.exec(
    "UPDATE celeriac_task SET lease = 0 WHERE state = 2; UPDATE celeriac_term SET until = 0; UPDATE celeriac_hold SET lease = 0; UPDATE celeriac_join SET look = 0 WHERE look IS NOT NULL",
  );
  sql
    .prepare("INSERT INTO celeriac_meta VALUES ('boot', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
    .run(boot);
}
