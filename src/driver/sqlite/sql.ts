/** What the steps that write SQL need of a connection: ours, or the user's own, on which his transaction is open. */

import type { SQLInputValue } from "node:sqlite";

export type Row = readonly (string | number | null | Uint8Array)[];

/** A prepared statement whose rows are arrays. */
export interface Prepared {
  /** Rows that were changed. */
  run(...values: SQLInputValue[]): number;
  /** Runs an insert and returns the row id. */
  insert(...values: SQLInputValue[]): number;
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): readonly Row[];
}

export interface Sql {
  prepare(text: string): Prepared;
  /** Any number of statements, for what they do. */
  exec(text: string): void;
}
