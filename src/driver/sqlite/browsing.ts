/** Looking into queues, by key and a page at a time, in short reads; purging and pausing them. Never changes order or flags. */

import type { QueueState } from "../../port/queue-admin.ts";
import type { CallRows } from "./call-rows.ts";
import type { Database, Statement } from "./database.ts";
import type { Asks, HeldRow } from "./exchange.ts";
import type { QueueNames } from "./queue-names.ts";
import { taskState } from "./schema.ts";
import type { Row } from "./sql.ts";
import type { Turn } from "./turn.ts";
import { firstTurn } from "./turns.ts";

export const pageLimit = 200;
/** Before every row: what was moved to the front has a number below 0. */
const lowest = Number.MIN_SAFE_INTEGER;
const places = ["ready", "delayed", "leased"] as const;
const columns = `t.seq, t.head, coalesce(l.body, t.body), t.created, t.state, t.due, t.lease, t.prio,
  (SELECT worker FROM celeriac_process p WHERE p.no = t.owner)`;
const from = "FROM celeriac_task t LEFT JOIN celeriac_large l ON l.seq = t.seq";

export class Browsing {
  readonly #names: QueueNames;
  readonly #calls: CallRows;
  readonly #list: Statement;
  readonly #ready: Statement;
  readonly #delayed: Statement;
  readonly #leased: Statement;
  readonly #oldest: Statement;
  readonly #pages: Readonly<Record<(typeof places)[number], Statement>>;
  readonly #find: Statement;
  readonly #ahead: Statement;
  readonly #purgeLarge: Statement;
  readonly #purge: Statement;
  readonly #pause: Statement;

  constructor(db: Database, names: QueueNames, calls: CallRows) {
    this.#names = names;
    this.#calls = calls;
    this.#list = db.prepare("SELECT no, name, paused FROM celeriac_queue ORDER BY name");
    this.#ready = db.prepare(
      // Keys that take turns have no priority.
      `SELECT queue, CASE WHEN prio < ${String(firstTurn)} THEN prio ELSE 0 END AS level, count(*) FROM celeriac_task WHERE state = 0
       GROUP BY queue, level ORDER BY queue, level`,
    );
    this.#delayed = db.prepare("SELECT queue, count(*) FROM celeriac_task WHERE state = 1 GROUP BY queue");
    this.#leased = db.prepare("SELECT queue, count(*) FROM celeriac_task WHERE state = 2 GROUP BY queue");
    this.#oldest = db.prepare(
      "SELECT created FROM celeriac_task WHERE state = 0 AND queue = ? ORDER BY prio, seq LIMIT 1",
    );
    const page = (where: string, order: string): Statement =>
      db.prepare(
        `SELECT ${columns} ${from} WHERE ${where} AND t.queue = ?1 AND (${order}) > (?2, ?3) ORDER BY ${order} LIMIT ?4`,
      );
    this.#pages = {
      ready: page("t.state = 0", "t.prio, t.seq"),
      delayed: page("t.state = 1", "t.due, t.seq"),
      leased: page("t.state = 2", "t.seq, t.seq"),
    };
    this.#find = db.prepare(`SELECT ${columns} ${from} WHERE t.id = ? AND t.queue = ? ORDER BY t.seq LIMIT 1`);
    this.#ahead = db.prepare(
      // Where keys take turns what counts is their own line.
      `SELECT count(*) FROM celeriac_task WHERE state = 0 AND queue = ?1 AND (prio, seq) < (?2, ?3)
       AND (prio >= ${String(firstTurn)}) = (?2 >= ${String(firstTurn)})`,
    );
    this.#purgeLarge = db.prepare(
      "DELETE FROM celeriac_large WHERE seq IN (SELECT seq FROM celeriac_task WHERE queue = ? AND state = ? AND large > 0)",
    );
    this.#purge = db.prepare("DELETE FROM celeriac_task WHERE queue = ? AND state = ?");
    this.#pause = db.prepare("UPDATE celeriac_queue SET paused = ? WHERE no = ?");
  }

  list(): readonly QueueState[] {
    const ready = group(this.#ready.all());
    const delayed = new Map(this.#delayed.all().map((row) => [row[0], row[1] as number]));
    const leased = new Map(this.#leased.all().map((row) => [row[0], row[1] as number]));
    return this.#list.all().map(([no, name, paused]) => {
      const oldest = this.#oldest.get(no as number)?.[0] as number | undefined;
      return {
        name: name as string,
        paused: paused === 1,
        ready: (ready.get(no as number) ?? []).map((row) => ({ priority: row[1] as number, count: row[2] as number })),
        delayed: delayed.get(no as number) ?? 0,
        leased: leased.get(no as number) ?? 0,
        ...(oldest === undefined ? {} : { oldest }),
      };
    });
  }

  browse(ask: Asks["browse"]["in"], zero: number): Asks["browse"]["out"] {
    const queue = this.#names.find(ask.queue);
    if (queue === undefined) return { items: [], next: undefined };
    const limit = Math.max(1, Math.min(ask.limit, pageLimit));
    const [first = lowest, second = lowest] = (ask.after ?? "").split(".").filter(Boolean).map(Number);
    const rows = this.#pages[ask.where].all(queue, first, second, limit);
    const last = rows.at(-1);
    const order = { ready: 7, delayed: 5, leased: 0 }[ask.where];
    const next = last === undefined || rows.length < limit ? undefined : `${String(last[order])}.${String(last[0])}`;
    return { items: rows.map((row) => heldOf(row, zero)), next };
  }

  find(queue: string, id: string, zero: number): HeldRow | undefined {
    const no = this.#names.find(queue);
    const row = no === undefined ? undefined : this.#find.get(id, no);
    if (no === undefined || row === undefined) return undefined;
    const held = heldOf(row, zero);
    if (held.state !== "ready") return held;
    return { ...held, ahead: this.#ahead.get(no, row[7] as number, row[0] as number)?.[0] as number };
  }

  purge(ask: Asks["purge"]["in"]): number {
    const queue = this.#names.find(ask.queue);
    if (queue === undefined) return 0;
    let count = 0;
    for (const state of [...(ask.ready ? [taskState.ready] : []), ...(ask.delayed ? [taskState.delayed] : [])]) {
      this.#purgeLarge.run(queue, state);
      count += this.#purge.run(queue, state);
    }
    this.#calls.purged(ask.queue);
    return count;
  }

  setPaused(queue: string, paused: boolean, turn: Turn): void {
    const no = this.#names.number(queue);
    this.#pause.run(paused ? 1 : 0, no);
    if (!paused) turn.ready.add(no);
  }
}

/** `zero`: the wall clock at the monotonic clock's zero. */
function heldOf(row: Row, zero: number): HeldRow {
  const [seq, head, body, created, state, due, lease, , worker] = row;
  return {
    key: String(seq),
    head: head as string,
    body: body as Uint8Array,
    since: created as number,
    state: places[state as 0 | 1 | 2],
    ...(due === null ? {} : { due: due as number }),
    ...(lease === null ? {} : { leaseUntil: zero + (lease as number) }),
    ...(typeof worker === "string" ? { worker } : {}),
  };
}

function group(rows: readonly Row[]): ReadonlyMap<number, readonly Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const queue = row[0] as number;
    const group = groups.get(queue);
    if (group === undefined) groups.set(queue, [row]);
    else group.push(row);
  }
  return groups;
}
