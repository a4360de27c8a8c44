/** The rooms of the engine that know SQL, made on one connection: each has its own statements and no state of a turn. */

import { Ballast } from "./ballast.ts";
import { Browsing } from "./browsing.ts";
import { CallRows } from "./call-rows.ts";
import { Claiming } from "./claiming.ts";
import { Database } from "./database.ts";
import type { DatabaseOptions } from "./database.ts";
import { Facts } from "./facts.ts";
import { identify } from "./host.ts";
import { Joining } from "./joining.ts";
import { Keeping } from "./keeping.ts";
import { Letters } from "./letters.ts";
import { LimitRows } from "./limit-rows.ts";
import { LineOrder } from "./line-order.ts";
import { Moving } from "./moving.ts";
import { ProcessTable } from "./process-table.ts";
import { Publishing } from "./publishing.ts";
import { QueueNames } from "./queue-names.ts";
import { Quota } from "./quota.ts";
import { Results } from "./results.ts";
import { Settling } from "./settling.ts";
import { Starts } from "./starts.ts";
import { Terms } from "./terms.ts";
import { Ticks } from "./ticks.ts";

export interface Steps {
  readonly db: Database;
  readonly ballast: Ballast;
  readonly names: QueueNames;
  readonly starts: Starts;
  readonly results: Results;
  readonly joining: Joining;
  readonly publishing: Publishing;
  readonly settling: Settling;
  readonly claiming: Claiming;
  readonly keeping: Keeping;
  readonly processes: ProcessTable;
  readonly terms: Terms;
  readonly ticks: Ticks;
  readonly facts: Facts;
  readonly limits: LimitRows;
  readonly calls: CallRows;
  readonly browsing: Browsing;
  readonly letters: Letters;
  readonly moving: Moving;
}

export function openSteps(options: DatabaseOptions & { readonly maxDepth: number; readonly maxSize: number }): Steps {
  const { maxDepth, maxSize } = options;
  const db = new Database(options);
  const names = new QueueNames(db);
  const starts = new Starts(db);
  const results = new Results(db, starts);
  const joining = new Joining(db);
  const order = new LineOrder(db);
  const calls = new CallRows(db);
  const publishing = new Publishing(db, names, order, calls, { maxDepth, quota: new Quota(db, maxSize) });
  const limits = new LimitRows(db, order);
  const settling = new Settling(db, publishing, results, joining, order, limits.places, calls);
  const terms = new Terms(db);
  const processes = new ProcessTable(db, identify());
  return {
    db,
    ballast: new Ballast(db),
    names,
    starts,
    results,
    joining,
    publishing,
    settling,
    claiming: new Claiming(db, names),
    keeping: new Keeping(db, processes, settling),
    processes,
    terms,
    ticks: new Ticks(db, terms, publishing),
    facts: new Facts(db),
    limits,
    calls,
    browsing: new Browsing(db, names, calls),
    letters: new Letters(db, names),
    moving: new Moving(db, names, order),
  };
}
