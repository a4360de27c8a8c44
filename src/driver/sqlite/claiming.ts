/**
 * Leases ready messages to a consumer: strict priority within a queue, equal shares between queues, at most so many bytes. Of a queue where keys
 * take turns as well they get half of a claim, so that neither waits for the other to be empty.
 * All of one claim carry the same fence, which is above every earlier one, also over a restored backup.
 */

import type { Database, Statement } from "./database.ts";
import { claimedWidth } from "./exchange.ts";
import type { Claimed } from "./exchange.ts";
import type { Holder } from "./holder.ts";
import { concat } from "./parcel.ts";
import type { QueueNames } from "./queue-names.ts";
import type { Turn } from "./turn.ts";
import { firstTurn, Turns } from "./turns.ts";

/** Rows of one claim. More would hold the write lock for too long. */
export const claimLimit = 500;
/** Bodies of this size on the average are handed over one by one instead of being copied into one buffer. */
const copyLimit = 4_096;

interface Picked {
  readonly seq: number;
  /** Index among the queues of this claim. */
  readonly queue: number;
  readonly head: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly crashes: number;
  readonly suspicions: number;
  readonly redelivered: number;
  readonly noted: boolean;
  readonly large: boolean;
}
/** What comes next of one queue. */
interface Place {
  readonly queue: number;
  prio: number;
  seq: number;
  /** Priorities below it. */
  readonly end: number;
}
interface Budget {
  rows: number;
  bytes: number;
}

export class Claiming {
  readonly #names: QueueNames;
  readonly #select: Statement;
  readonly #takesTurns: Statement;
  readonly #turns: Turns;
  readonly #large: Statement;
  readonly #lease: Statement;
  readonly #fence: Statement;
  readonly #markIdle: Statement;
  readonly #unmarkIdle: Statement;
  readonly #peek: Statement;

  constructor(db: Database, names: QueueNames) {
    this.#names = names;
    this.#select = db.prepare(
      `SELECT seq, prio, head, body, crashes, suspicions, redelivered, noted, large FROM celeriac_task
       WHERE state = 0 AND queue = ? AND (prio, seq) > (?, ?) AND prio < ? ORDER BY prio, seq LIMIT ?`,
    );
    this.#turns = new Turns(db);
    this.#takesTurns = db.prepare(
      `SELECT 1 FROM celeriac_task WHERE state = 0 AND queue = ? AND prio >= ${String(firstTurn)} LIMIT 1`,
    );
    this.#large = db.prepare("SELECT body FROM celeriac_large WHERE seq = ?");
    this.#lease = db.prepare(
      "UPDATE celeriac_task SET state = 2, lease = ?, owner = ?, fence = ?, started = NULL, blame = 0 WHERE seq IN (SELECT value FROM json_each(?))",
    );
    this.#fence = db.prepare("UPDATE celeriac_meta SET value = max(value + 1, ?) WHERE key = 'fence' RETURNING value");
    this.#markIdle = db.prepare("INSERT OR IGNORE INTO celeriac_idle (queue, process) VALUES (?, ?)");
    this.#unmarkIdle = db.prepare("DELETE FROM celeriac_idle WHERE process = ?");
    this.#peek = db.prepare("SELECT 1 FROM celeriac_task WHERE state = 0 AND queue = ? LIMIT 1");
  }

  /** Is anything there? Reads only, so that an idle process never asks for the write lock. */
  peek(holder: Holder): boolean {
    return holder.queues.some((queue) => this.#peek.get(queue) !== undefined);
  }

  claim(holder: Holder, turn: Turn): Claimed | undefined {
    const paused = this.#names.paused();
    const open = holder.queues.filter((queue) => !paused.has(queue));
    const start = open.length === 0 ? 0 : holder.rotation++ % open.length;
    const order = [...open.slice(start), ...open.slice(0, start)];
    const room = Math.min(holder.room, claimLimit);
    const budget: Budget = { rows: room, bytes: holder.options.maxClaimBytes };
    const picked: Picked[] = [];
    const names: string[] = [];
    const share = Math.ceil(room / Math.max(1, order.length));
    const half = Math.floor((share + (holder.rotation % 2)) / 2);
    let fair = order
      .filter((queue) => this.#takesTurns.get(queue) !== undefined)
      .map((queue): Place => ({ queue, prio: firstTurn, seq: Number.MIN_SAFE_INTEGER, end: Number.MAX_SAFE_INTEGER }));
    const turning = fair;
    if (fair.length > 0)
      fair = fair.filter((place) => this.#pick(place, Math.min(half, budget.rows), budget, picked, names, turn));
    let left = order.map((queue): Place => ({ queue, prio: -1, seq: -1, end: firstTurn }));
    // First everybody gets a share, then the rest is filled up from those that have more.
    for (let most = share; left.length > 0 && budget.rows > 0; most = budget.rows) {
      left = left.filter((place) => this.#pick(place, Math.min(most, budget.rows), budget, picked, names, turn));
      if (budget.bytes <= 0) break;
    }
    fair = fair.filter((place) => this.#pick(place, budget.rows, budget, picked, names, turn));
    for (const { queue } of fair) turn.ready.add(queue);
    const exhausted = left.length === 0 && fair.length === 0;
    const task = picked.length === 0 ? undefined : this.#take(holder, picked, names, turn);
    for (const { queue } of turning) this.#turns.forget(queue);
    this.#sayIdle(holder, exhausted, turn);
    return task;
  }

  /** Takes up to `limit` from one queue; true if it may have more. */
  #pick(place: Place, limit: number, budget: Budget, picked: Picked[], names: string[], turn: Turn): boolean {
    if (limit <= 0 || budget.bytes <= 0) return true;
    const rows = this.#select.all(place.queue, place.prio, place.seq, place.end, limit);
    if (rows.length === 0) {
      turn.ready.delete(place.queue);
      return false;
    }
    const name = names.push(this.#names.name(place.queue)) - 1;
    for (const row of rows) {
      const seq = row[0] as number;
      const head = row[2] as string;
      const large = row[8] as number;
      let body = row[3] as Uint8Array<ArrayBuffer>;
      const size = head.length + (large === 0 ? body.length : large);
      if (size > budget.bytes && picked.length > 0) {
        budget.bytes = 0;
        return true;
      }
      if (large > 0) body = this.#large.get(seq)?.[0] as Uint8Array<ArrayBuffer>;
      budget.bytes -= size;
      budget.rows--;
      place.prio = row[1] as number;
      place.seq = seq;
      picked.push({
        seq,
        queue: name,
        head,
        body,
        crashes: row[4] as number,
        suspicions: row[5] as number,
        redelivered: row[6] as number,
        noted: row[7] === 1,
        large: large > 0,
      });
    }
    if (rows.length === limit) {
      // Whoever is idle elsewhere is woken for what is left; each claimer passes it on.
      turn.ready.add(place.queue);
      return true;
    }
    turn.ready.delete(place.queue);
    return false;
  }

  #take(holder: Holder, picked: readonly Picked[], queues: readonly string[], turn: Turn): Claimed {
    const fence = this.#fence.get(turn.now * 1000)?.[0] as number;
    const until = turn.mono + holder.options.lease;
    const numbers = new Float64Array(picked.length * claimedWidth);
    const heads: string[] = [];
    const bodies: Uint8Array<ArrayBuffer>[] = [];
    const seqs: number[] = [];
    let length = 0;
    for (const { seq, queue, head, body, crashes, suspicions, redelivered } of picked) {
      numbers.set([seq, queue, head.length, body.length, crashes, suspicions, redelivered], seqs.length * claimedWidth);
      seqs.push(seq);
      heads.push(head);
      bodies.push(body);
      length += body.length;
    }
    this.#lease.run(until, holder.no, fence, `[${seqs.join(",")}]`);
    turn.after.push(() => {
      for (const { seq, noted, large } of picked) holder.held.set(seq, { fence, until, noted, large });
    });
    const bytes = length > copyLimit * picked.length ? bodies : concat(bodies, length);
    return { consumer: holder.no, fence, at: turn.now, queues, numbers, heads: heads.join(""), bytes };
  }

  /** An idle consumer leaves a note in the same transaction that saw the queues empty, so no message can slip between. */
  #sayIdle(holder: Holder, exhausted: boolean, turn: Turn): void {
    if (exhausted) {
      if (!holder.idle) for (const queue of holder.queues) this.#markIdle.run(queue, holder.no);
    } else if (holder.idle) {
      this.#unmarkIdle.run(holder.no);
    }
    turn.after.push(() => {
      holder.idle = exhausted;
      holder.hungry = !exhausted;
    });
  }
}
