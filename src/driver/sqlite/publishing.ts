/**
 * Stores messages: new ones with their duplicate check and the limits of depth and size, follow-ups and replacements without limits.
 * Also brings delayed messages to their queue when they are due.
 */

import type { CallHeld, CallRule } from "../../port/call-law.ts";
import type { CallRows } from "./call-rows.ts";
import { published } from "./exchange.ts";
import type { PublishAnswer, Refusal } from "./exchange.ts";
import type { LineOrder } from "./line-order.ts";
import { unset } from "./parcel.ts";
import type { SentMessage, Unpacked } from "./parcel.ts";
import type { QueueNames } from "./queue-names.ts";
import type { Quota } from "./quota.ts";
import { inlineBytes } from "./schema.ts";
import type { Prepared, Sql } from "./sql.ts";
import type { Turn } from "./turn.ts";
import { firstTurn, Turns } from "./turns.ts";

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

export interface PublishBounds {
  /** Ready messages of one queue; 0 = no limit. */
  readonly maxDepth: number;
  readonly quota: Quota;
}

interface Depth {
  count: number;
  readonly at: number;
}

export class Publishing {
  readonly #names: QueueNames;
  readonly #maxDepth: number;
  readonly #quota: Quota;
  readonly #depths = new Map<number, Depth>();
  readonly #insert: Prepared;
  readonly #insertLarge: Prepared;
  readonly #see: Prepared;
  readonly #seen: Prepared;
  readonly #seeAgain: Prepared;
  readonly #forgetResult: Prepared;
  readonly #depth: Prepared;
  readonly #order: LineOrder;
  readonly #calls: CallRows;
  readonly #turns: Turns;
  readonly #takeTurn: Prepared;
  readonly #headOf: Prepared;
  readonly #ripe: Prepared;
  readonly #promote: Prepared;
  readonly #nextDue: Prepared;

  constructor(db: Sql, names: QueueNames, order: LineOrder, calls: CallRows, bounds: PublishBounds) {
    this.#order = order;
    this.#calls = calls;
    this.#turns = new Turns(db);
    this.#takeTurn = db.prepare("UPDATE celeriac_task SET prio = ? WHERE seq = ?");
    this.#headOf = db.prepare("SELECT head FROM celeriac_task WHERE seq = ?");
    this.#names = names;
    this.#maxDepth = bounds.maxDepth;
    this.#quota = bounds.quota;
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
    this.#ripe = db.prepare(
      `SELECT seq, queue, large, prio FROM celeriac_task WHERE state = 1 AND due <= ? ORDER BY due, seq LIMIT ${promoteLimit}`,
    );
    this.#promote = db.prepare("UPDATE celeriac_task SET state = 0, due = NULL WHERE seq = ?");
    this.#nextDue = db.prepare("SELECT min(due) FROM celeriac_task WHERE state = 1");
  }

  /** New messages, each accepted, a duplicate, or refused because its queue or the file is full. */
  publish(batch: Unpacked, from: number, count: number, turn: Turn): PublishAnswer {
    let answers: (number | CallHeld)[] | undefined;
    for (let index = 0; index < count; index++) {
      const answer = this.#publishOne(batch.message(from + index), turn);
      if (answer !== published.accepted) answers ??= Array.from({ length: count }, () => published.accepted);
      if (answers !== undefined) answers[index] = answer;
    }
    return answers ?? published.accepted;
  }

  /** Why they cannot be stored, all of them. */
  refusal(batch: Unpacked, from: number, count: number, turn: Turn): Refusal | undefined {
    const messages = Array.from({ length: count }, (_, index) => batch.message(from + index));
    const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
    const [first] = messages;
    if (first !== undefined && this.#quota.isFull(bytes, turn)) return { full: first.queue, file: true };
    if (this.#maxDepth === 0) return undefined;
    const queues = new Set(messages.map(({ queue }) => queue));
    const full = [...queues].find((queue) => this.#isFull(this.#names.number(queue), turn));
    return full === undefined ? undefined : { full, file: false };
  }

  #publishOne(message: SentMessage, turn: Turn): number | CallHeld {
    const queue = this.#names.number(message.queue);
    if (message.call !== undefined) return this.#publishCall(message, message.call, queue, turn);
    const refused = this.#refused(message, queue, turn);
    if (refused !== undefined) {
      // A repeat of an accepted call must stay accepted though the queue has filled up since.
      const known = message.window === unset ? undefined : this.#seen.get(message.once);
      if (known === undefined || (known[1] as number) <= turn.now) return refused;
    }
    return this.once(message, turn, queue) ? published.accepted : this.#sameNonce(message);
  }

  #publishCall(message: SentMessage, rule: CallRule, queue: number, turn: Turn): number | CallHeld {
    const known = message.window === unset ? undefined : this.#seen.get(message.once);
    if (known !== undefined && (known[1] as number) > turn.now) return this.#sameNonce(message);
    const decision = this.#calls.decide(rule, message, turn);
    if (decision.kind === "held" || decision.kind === "gone") return decision;
    const refused = decision.kind === "put" ? this.#refused(message, queue, turn) : undefined;
    if (refused !== undefined) return refused;
    this.#isFirst(message, turn);
    const swapped = this.#calls.keep(rule, decision, message, turn);
    if (!swapped) this.put({ ...message, due: decision.due ?? unset }, turn, fresh, queue);
    return published.accepted;
  }

  /** Stores a message unless its id came before; false if so. No limit of depth: what follows a task is never refused. */
  once(message: SentMessage, turn: Turn, queue: number = this.#names.number(message.queue)): boolean {
    if (!this.#isFirst(message, turn)) return false;
    this.put(message, turn, fresh, queue);
    return true;
  }

  /** From now on its id came before. */
  #isFirst({ window, once, nonce }: SentMessage, turn: Turn): boolean {
    if (window === unset) return true;
    const until = turn.now + window;
    if (this.#see.run(once, nonce, until) === 0) {
      const known = this.#seen.get(once);
      if (known !== undefined && (known[1] as number) > turn.now) return false;
      this.#seeAgain.run(nonce, until, once);
    }
    // Accepted anew, so an outcome of its former life must make room, or this one could never store its own.
    this.#forgetResult.run(once);
    return true;
  }

  /** Stores a message, whatever came before. */
  put(message: SentMessage, turn: Turn, carried: Carried, queue: number = this.#names.number(message.queue)): void {
    const { id, task, priority, due, head, body } = message;
    const delayed = due !== unset && due > turn.now;
    const large = body.length > inlineBytes;
    const { crashes, suspicions, noted } = carried;
    const seq = this.#insert.insert(
      id,
      task,
      queue,
      // What is delayed has its turn when it is due.
      priority >= firstTurn && !delayed ? this.#turns.next(queue, head) : priority,
      delayed ? 1 : 0,
      delayed ? due : null,
      crashes,
      suspicions,
      noted,
      large ? body.length : 0,
      turn.now,
      head,
      large ? empty : body,
    );
    if (large) this.#insertLarge.run(seq, body);
    if (!delayed || due < turn.now + soon) turn.ready.add(queue);
    if (delayed && due < turn.due) turn.due = due;
    const depth = this.#depths.get(queue);
    if (depth !== undefined) depth.count++;
  }

  /** Was the message that was turned away this very call, made before? Its first answer is true again then. */
  #sameNonce(message: SentMessage): number {
    const known = this.#seen.get(message.once);
    return known?.[0] === message.nonce ? published.accepted : published.duplicate;
  }

  #refused(message: SentMessage, queue: number, turn: Turn): number | undefined {
    if (this.#maxDepth > 0 && this.#isFull(queue, turn)) return published.full;
    return this.#quota.isFull(sizeOf(message), turn) ? published.fileFull : undefined;
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

  /** Puts due messages into their lines, in the order in which they became due; true if there may be more of them. */
  promote(turn: Turn): boolean {
    const rows = this.#ripe.all(turn.now);
    for (const [seq, queue, , prio] of rows) {
      if ((prio as number) >= firstTurn) this.#turn(seq as number, queue as number);
      this.#promote.run(seq as number);
      turn.ready.add(queue as number);
    }
    this.#order.moveToEnd(rows.map(([seq, , large]) => ({ seq: seq as number, large: large !== 0 })));
    return rows.length === promoteLimit;
  }

  #turn(seq: number, queue: number): void {
    const head = this.#headOf.get(seq)?.[0] as string;
    this.#takeTurn.run(this.#turns.next(queue, head), seq);
  }

  nextDue(): number {
    return (this.#nextDue.get()?.[0] as number | null | undefined) ?? Infinity;
  }

  /** After a rollback nothing counted since is true. */
  forget(): void {
    this.#depths.clear();
  }
}

function sizeOf({ head, body }: SentMessage): number {
  return head.length + body.length;
}
