/**
 * Stores messages: new ones with their duplicate check and the limit of depth, follow-ups and replacements without the limit.
 * Also brings delayed messages to their queue when they are due.
 */

import { dueNow, published } from "./exchange.ts";
import type { Batch, PublishAnswer, SentRow } from "./exchange.ts";
import type { Database, Statement } from "./database.ts";
import type { QueueNames } from "./queue-names.ts";
import { inlineBytes } from "./schema.ts";
import type { Turn } from "./turn.ts";

/** What a message keeps when it takes the place of another with the same id. */
export interface Carried {
  readonly crashes: number;
  readonly suspicions: number;
  readonly noted: number;
}
const fresh: Carried = { crashes: 0, suspicions: 0, noted: 0 };
const empty = new Uint8Array(0);
/** A caller whose message is due within this time should not have to wait for a consumer's next look. */
const soon = 150;
const promoteLimit = 200;

interface Depth {
  count: number;
  readonly at: number;
}

export class Publishing {
  readonly #names: QueueNames;
  readonly #maxDepth: number;
  readonly #depths = new Map<number, Depth>();
  readonly #insert: Statement;
  readonly #insertLarge: Statement;
  readonly #see: Statement;
  readonly #seen: Statement;
  readonly #seeAgain: Statement;
  readonly #forgetResult: Statement;
  readonly #depth: Statement;
  readonly #promote: Statement;
  readonly #nextDue: Statement;

  constructor(db: Database, names: QueueNames, maxDepth: number) {
    this.#names = names;
    this.#maxDepth = maxDepth;
    this.#insert = db.prepare(
      "INSERT INTO celeriac_task (id, task, queue, prio, state, due, crashes, suspicions, noted, large, created, head, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
    );
    this.#insertLarge = db.prepare("INSERT INTO celeriac_large (seq, body) VALUES (?, ?)");
    this.#see = db.prepare("INSERT OR IGNORE INTO celeriac_seen (id, nonce, until) VALUES (?, ?, ?)");
    this.#seen = db.prepare("SELECT nonce, until FROM celeriac_seen WHERE id = ?");
    this.#seeAgain = db.prepare("UPDATE celeriac_seen SET nonce = ?, until = ? WHERE id = ?");
    this.#forgetResult = db.prepare("DELETE FROM celeriac_result WHERE id = ?");
    this.#depth = db.prepare(
      "SELECT count(*) FROM (SELECT 1 FROM celeriac_task WHERE state = 0 AND queue = ? LIMIT ?)",
    );
    this.#promote = db.prepare(
      `UPDATE celeriac_task SET state = 0, due = NULL WHERE seq IN (SELECT seq FROM celeriac_task WHERE state = 1 AND due <= ? ORDER BY due LIMIT ${promoteLimit}) RETURNING queue`,
    );
    this.#nextDue = db.prepare("SELECT min(due) FROM celeriac_task WHERE state = 1");
  }

  /** New messages, each accepted, a duplicate, or refused because its queue is full. */
  publish(batch: Batch, from: number, count: number, turn: Turn): PublishAnswer {
    let answers: number[] | undefined;
    for (let index = 0; index < count; index++) {
      const row = batch.sent[from + index];
      if (row === undefined) break;
      const answer = this.#publishOne(batch, row, turn);
      if (answer !== published.accepted) answers ??= Array.from({ length: count }, () => published.accepted);
      if (answers !== undefined) answers[index] = answer;
    }
    return answers ?? published.accepted;
  }

  #publishOne(batch: Batch, row: SentRow, turn: Turn): number {
    const queue = this.#names.number(row[0]);
    if (this.#maxDepth > 0 && this.#isFull(queue, turn)) {
      // A repeat of an accepted call must stay accepted though the queue has filled up since.
      const known = row[7] < 0 ? undefined : this.#seen.get(row[5] || row[1]);
      if (known === undefined || (known[1] as number) <= turn.now) return published.full;
    }
    return this.once(batch, row, turn, queue) ? published.accepted : this.#sameNonce(row);
  }

  /** Stores a message unless its id came before; false if so. No limit of depth: what follows a task is never refused. */
  once(batch: Batch, row: SentRow, turn: Turn, queue: number = this.#names.number(row[0])): boolean {
    const window = row[7];
    if (window >= 0) {
      const id = row[5] || row[1];
      const until = turn.now + window;
      if (this.#see.run(id, row[6], until) === 0) {
        const known = this.#seen.get(id);
        if (known !== undefined && (known[1] as number) > turn.now) return false;
        this.#seeAgain.run(row[6], until, id);
      }
      // Accepted anew, so an outcome of its former life must make room, or this one could never store its own.
      this.#forgetResult.run(id);
    }
    this.put(batch, row, turn, fresh, queue);
    return true;
  }

  /** Stores a message, whatever came before. */
  put(batch: Batch, row: SentRow, turn: Turn, carried: Carried, queue: number = this.#names.number(row[0])): void {
    const due = row[4];
    const delayed = due !== dueNow && due > turn.now;
    const length = row[10];
    const large = length > inlineBytes;
    const body = batch.bytes.subarray(row[9], row[9] + length);
    const { crashes, suspicions, noted } = carried;
    const state = delayed ? 1 : 0;
    const seq = this.#insert.insert(
      row[1],
      row[2],
      queue,
      row[3],
      state,
      delayed ? due : null,
      crashes,
      suspicions,
      noted,
      large ? length : 0,
      turn.now,
      row[8],
      large ? empty : body,
    );
    if (large) this.#insertLarge.run(seq, body);
    if (!delayed || due < turn.now + soon) turn.ready.add(queue);
    if (delayed && due < turn.due) turn.due = due;
    const depth = this.#depths.get(queue);
    if (depth !== undefined) depth.count++;
  }

  /** Was the message that was turned away this very call, made before? Its first answer is true again then. */
  #sameNonce(row: SentRow): number {
    const known = this.#seen.get(row[5] || row[1]);
    return known?.[0] === row[6] ? published.accepted : published.duplicate;
  }

  /** Counted exactly when a refusal is near, and once a second otherwise, since counting costs time by the message. */
  #isFull(queue: number, turn: Turn): boolean {
    let depth = this.#depths.get(queue);
    if (depth === undefined || depth.count >= this.#maxDepth || turn.mono - depth.at > 1000) {
      depth = { count: this.#depth.get(queue, this.#maxDepth)?.[0] as number, at: turn.mono };
      this.#depths.set(queue, depth);
    }
    return depth.count >= this.#maxDepth;
  }

  /** Makes due messages ready; true if there may be more of them. */
  promote(turn: Turn): boolean {
    const rows = this.#promote.all(turn.now);
    for (const row of rows) turn.ready.add(row[0] as number);
    return rows.length === promoteLimit;
  }

  nextDue(): number {
    return (this.#nextDue.get()?.[0] as number | null | undefined) ?? Infinity;
  }

  /** After a rollback nothing counted since is true. */
  forget(): void {
    this.#depths.clear();
  }
}
