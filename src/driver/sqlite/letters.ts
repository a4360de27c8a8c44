/** Dead letters: listed by key, put back as they came, or dropped. */

import type { AttemptRecord, DeadLetter } from "../../port/queue-admin.ts";
import { pageLimit } from "./browsing.ts";
import type { Database, Statement } from "./database.ts";
import type { Asks, LetterRow } from "./exchange.ts";
import type { QueueNames } from "./queue-names.ts";
import { inlineBytes } from "./schema.ts";
import type { Turn } from "./turn.ts";
import { firstTurn } from "./turns.ts";

export class Letters {
  readonly #names: QueueNames;
  readonly #list: Statement;
  readonly #read: Statement;
  readonly #insert: Statement;
  readonly #insertLarge: Statement;
  readonly #forgetResult: Statement;
  readonly #drop: Statement;

  constructor(db: Database, names: QueueNames) {
    this.#names = names;
    this.#list = db.prepare(
      `SELECT key, id, task, queue, reason, at, detail, attempts, head, body FROM celeriac_dead
       WHERE key > ?1 AND (?2 IS NULL OR queue = ?2) AND (?3 IS NULL OR task = ?3) AND (?4 IS NULL OR reason = ?4)
       ORDER BY key LIMIT ?5`,
    );
    this.#read = db.prepare("SELECT id, task, queue, prio, head, body FROM celeriac_dead WHERE key = ?");
    this.#insert = db.prepare(
      "INSERT INTO celeriac_task (id, task, queue, prio, state, large, created, head, body) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)",
    );
    this.#insertLarge = db.prepare("INSERT INTO celeriac_large (seq, body) VALUES (?, ?)");
    this.#forgetResult = db.prepare("DELETE FROM celeriac_result WHERE id = ?");
    this.#drop = db.prepare("DELETE FROM celeriac_dead WHERE key = ?");
  }

  list(ask: Asks["letters"]["in"]): Asks["letters"]["out"] {
    const { filter } = ask;
    const queue = filter.queue === undefined ? null : (this.#names.find(filter.queue) ?? -1);
    const limit = Math.max(1, Math.min(ask.limit, pageLimit));
    const rows = this.#list.all(keyOf(ask.after ?? "0"), queue, filter.task ?? null, filter.reason ?? null, limit);
    const items = rows.map((row): LetterRow => {
      const [key, id, task, no, reason, at, detail, attempts, head, body] = row;
      return {
        key: String(key),
        id: (id as string | null) ?? undefined,
        task: (task as string | null) ?? undefined,
        queue: this.#names.name(no as number),
        reason: reason as DeadLetter["reason"],
        at: at as number,
        detail: detail as string,
        attempts: (JSON.parse(attempts as string) as AttemptRecord[]).map(whole),
        head: head as string,
        body: body as Uint8Array,
      };
    });
    return { items, next: rows.length < limit ? undefined : items.at(-1)?.key };
  }

  /** Back to their queues with clean counts; the old outcome goes, or the new run could never store one. */
  redrive(keys: readonly string[], turn: Turn): number {
    let count = 0;
    for (const key of keys) {
      const row = this.#read.get(keyOf(key));
      if (row === undefined) continue;
      const [id, task, queue, prio, head] = row as readonly (string | number | null)[];
      const body = row[5] as Uint8Array;
      const large = body.length > inlineBytes;
      const inline = large ? new Uint8Array(0) : body;
      const seq = this.#insert.insert(
        id ?? "",
        task ?? "",
        queue ?? 0,
        // A turn that was is none: it waits among all others.
        typeof prio === "number" && prio < firstTurn ? prio : 0,
        large ? body.length : 0,
        turn.now,
        head ?? "",
        inline,
      );
      if (large) this.#insertLarge.run(seq, body);
      if (typeof id === "string") this.#forgetResult.run(id);
      this.#drop.run(keyOf(key));
      turn.ready.add(queue as number);
      count++;
    }
    return count;
  }

  drop(keys: readonly string[]): number {
    let count = 0;
    for (const key of keys) count += this.#drop.run(keyOf(key));
    return count;
  }
}

/** JSON has no members that are undefined; the record has. */
function whole(record: AttemptRecord): AttemptRecord {
  return { ...record, pid: record.pid, ended: record.ended, exit: record.exit, error: record.error };
}

/** Keys of other stores, or none at all, match nothing. */
function keyOf(key: string): number {
  return /^\d{1,15}$/.test(key) ? Number(key) : -1;
}
