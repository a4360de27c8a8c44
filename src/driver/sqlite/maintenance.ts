/**
 * Keeps the file small and fast: one process at a time, by a term, writes the log back, removes what has expired and what dead
 * processes left beside the file, frees pages. Warns when a reader of another process pins the log.
 */

import { statSync } from "node:fs";

import type { Warning } from "../../port/units.ts";
import type { Term } from "../../port/lease.ts";
import { sweepBells } from "./bell.ts";
import type { Database, Statement } from "./database.ts";
import { largeLog, pinnedText } from "./pinned-log.ts";
import type { Joining } from "./joining.ts";
import type { ProcessTable } from "./process-table.ts";
import type { Terms } from "./terms.ts";
import type { Turn } from "./turn.ts";

const termName = "maintenance";
const termLength = 30_000;
const page = 4_120;
const mebibyte = 1024 * 1024;
/** Rows of one kind removed in one transaction. */
const tidyLimit = 500;
const tidyEvery = 5_000;
const sweepEvery = 30_000;
/** Attempt records of tasks that nobody finished. */
const attemptsFor = 7 * 86_400_000;
const warnEvery = 60_000;

/** Rows of one kind that end. */
interface Tidying {
  readonly table: string;
  /** Of those that are over for so long. */
  readonly age: number;
  readonly any: Statement;
  /** Removes some of those that were over by then; true if there may be more. */
  readonly remove: (before: number) => boolean;
}

export interface MaintenanceHooks {
  duty(name: string, run: (turn: Turn) => void): void;
  warn(warning: Warning): void;
  isIdle(): boolean;
}

export class Maintenance {
  readonly #db: Database;
  readonly #terms: Terms;
  readonly #processes: ProcessTable;
  readonly #hooks: MaintenanceHooks;
  readonly #holder: string;
  readonly #tidying: readonly Tidying[];
  readonly #freelist: Statement;
  #term: Term | undefined;
  #renewed = 0;
  #tidied = 0;
  #swept = -Infinity;
  #warned = -Infinity;

  constructor(
    db: Database,
    rooms: { readonly terms: Terms; readonly joining: Joining; readonly processes: ProcessTable },
    holder: string,
    hooks: MaintenanceHooks,
  ) {
    this.#db = db;
    this.#terms = rooms.terms;
    this.#processes = rooms.processes;
    this.#holder = holder;
    this.#hooks = hooks;
    const anyOf = (table: string, column: string): Statement =>
      db.prepare(`SELECT 1 FROM ${table} WHERE ${column} < ? LIMIT 1`);
    const expiring = (table: string, key: string, column: string, age: number): Tidying => {
      const remove = db.prepare(
        `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key.replace(/[()]/g, "")} FROM ${table} WHERE ${column} < ? ORDER BY ${column} LIMIT ${tidyLimit})`,
      );
      return { table, age, any: anyOf(table, column), remove: (before) => remove.run(before) === tidyLimit };
    };
    this.#tidying = [
      expiring("celeriac_seen", "id", "until", 0),
      expiring("celeriac_result", "id", "until", 0),
      expiring("celeriac_start", "id", "until", 0),
      expiring("celeriac_point", "(id, name)", "until", 0),
      expiring("celeriac_group", "id", "until", 0),
      expiring("celeriac_bucket", "key", "until", 0),
      expiring("celeriac_place", "(key, holder)", "until", 0),
      expiring("celeriac_line", "(key, no)", "until", 0),
      expiring("celeriac_call", "(queue, key)", "until", 0),
      expiring("celeriac_attempt", "(id, n)", "at", attemptsFor),
      {
        table: "celeriac_join",
        age: 0,
        any: anyOf("celeriac_join", "until"),
        remove: (before) => rooms.joining.tidy(before, tidyLimit),
      },
    ];
    this.#freelist = db.prepare("PRAGMA freelist_count");
  }

  everySecond(mono: number, now: number): void {
    if (this.#term === undefined) {
      if (this.#terms.isFree(termName, mono)) {
        this.#hooks.duty("maintain", (turn) => {
          const term = this.#terms.acquire(termName, this.#holder, termLength, turn);
          turn.after.push(() => {
            this.#term = term;
            this.#renewed = turn.mono;
          });
        });
      }
      return;
    }
    if (mono - this.#renewed > termLength / 3) this.#renew(this.#term);
    this.#checkpoint(mono);
    if (now - this.#tidied >= tidyEvery || now < this.#tidied) {
      this.#tidied = now;
      this.#tidy(now);
    }
    if (mono - this.#swept >= sweepEvery) {
      this.#swept = mono;
      sweepBells(this.#db.path, this.#processes.bells(), now);
    }
  }

  /** For the transaction in which this process leaves. */
  leave(): void {
    if (this.#term !== undefined) this.#terms.release(this.#term);
    this.#term = undefined;
  }

  #renew(former: Term): void {
    this.#hooks.duty("maintain", (turn) => {
      const term = this.#terms.renew(former, termLength, turn);
      turn.after.push(() => {
        this.#term = term;
        this.#renewed = turn.mono;
      });
    });
  }

  #checkpoint(mono: number): void {
    const size = sizeOf(`${this.#db.path}-wal`);
    if (size < 1_000 * page) return;
    this.#db.checkpoint(size > 64 * mebibyte ? "RESTART" : "PASSIVE");
    if (size < largeLog || mono - this.#warned < warnEvery) return;
    this.#warned = mono;
    this.#hooks.warn({
      code: "DATABASE_LOG_PINNED",
      text: `${pinnedText(this.#db.path, size)}. End long reads; no task is at risk.`,
    });
  }

  #tidy(now: number): void {
    for (const { table, any, remove, age } of this.#tidying) {
      if (any.get(now - age) === undefined) continue;
      const step = (): void => {
        this.#hooks.duty(`tidy ${table}`, (turn) => {
          if (remove(now - age)) turn.after.push(step);
        });
      };
      step();
    }
    if (this.#hooks.isIdle() && (this.#freelist.get()?.[0] as number) > 200) {
      this.#hooks.duty("shrink", (turn) => {
        turn.after.push(() => this.#db.exec("PRAGMA incremental_vacuum(200)"));
      });
    }
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
