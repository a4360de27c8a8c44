/**
 * Ends deliveries: result, what follows and the queue's row in one transaction, guarded by the fence. A delivery that somebody
 * else holds by now changes nothing at all.
 */

import type { Joined } from "../../port/joins.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import type { CallRows } from "./call-rows.ts";
import type { Database, Statement } from "./database.ts";
import { ending } from "./exchange.ts";
import type { SettleAnswer, SettledMore, SettlementRest } from "./exchange.ts";
import type { HeldTask, Holder } from "./holder.ts";
import type { Joining } from "./joining.ts";
import type { LineOrder } from "./line-order.ts";
import type { SentSettlement, Unpacked } from "./parcel.ts";
import type { Places } from "./places.ts";
import type { Publishing } from "./publishing.ts";
import type { Results } from "./results.ts";
import type { Turn } from "./turn.ts";

/** Records kept of one task. */
const attemptLimit = 20;
const lost = 1;

export class Settling {
  readonly #publishing: Publishing;
  readonly #results: Results;
  readonly #joining: Joining;
  readonly #order: LineOrder;
  readonly #places: Places;
  readonly #calls: CallRows;
  readonly #remove: Statement;
  readonly #removeLarge: Statement;
  readonly #own: Statement;
  readonly #giveBack: Statement;
  readonly #bury: Statement;
  readonly #start: Statement;
  readonly #addAttempt: Statement;
  readonly #trimAttempts: Statement;
  readonly #attempts: Statement;
  readonly #forgetAttempts: Statement;

  constructor(
    db: Database,
    publishing: Publishing,
    results: Results,
    joining: Joining,
    order: LineOrder,
    places: Places,
    calls: CallRows,
  ) {
    this.#places = places;
    this.#order = order;
    this.#calls = calls;
    this.#publishing = publishing;
    this.#results = results;
    this.#joining = joining;
    this.#remove = db.prepare("DELETE FROM celeriac_task WHERE seq = ? AND fence = ? AND state = 2");
    this.#removeLarge = db.prepare("DELETE FROM celeriac_large WHERE seq = ?");
    this.#own = db.prepare(
      "SELECT id, crashes, suspicions, noted, queue FROM celeriac_task WHERE seq = ? AND fence = ? AND state = 2",
    );
    this.#giveBack = db.prepare(
      `UPDATE celeriac_task SET state = ?2, due = ?3, lease = NULL, owner = NULL, redelivered = redelivered OR started IS NOT NULL OR ?7,
       started = NULL, crashes = coalesce(?4, crashes), suspicions = coalesce(?5, suspicions), noted = ?6 WHERE seq = ?1`,
    );
    this.#bury = db.prepare(
      `INSERT INTO celeriac_dead (id, task, queue, prio, reason, at, detail, attempts, head, body)
       SELECT ?2, ?3, t.queue, t.prio, ?4, ?5, ?6, ?7, t.head, coalesce(l.body, t.body)
       FROM celeriac_task t LEFT JOIN celeriac_large l ON l.seq = t.seq WHERE t.seq = ?1`,
    );
    this.#start = db.prepare(
      "UPDATE celeriac_task SET started = ?, blame = ? WHERE state = 2 AND fence = ? AND seq IN (SELECT value FROM json_each(?))",
    );
    this.#addAttempt = db.prepare(
      "INSERT INTO celeriac_attempt (id, n, record, at) VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM celeriac_attempt WHERE id = ?1), ?2, ?3) RETURNING n",
    );
    this.#trimAttempts = db.prepare("DELETE FROM celeriac_attempt WHERE id = ? AND n <= ?");
    this.#attempts = db.prepare("SELECT record FROM celeriac_attempt WHERE id = ? ORDER BY n");
    this.#forgetAttempts = db.prepare("DELETE FROM celeriac_attempt WHERE id = ?");
  }

  settle(batch: Unpacked, holder: Holder, from: number, count: number, turn: Turn): SettleAnswer {
    let answers: (0 | 1 | SettledMore)[] | undefined;
    const ended: SentSettlement[] = [];
    for (let index = 0; index < count; index++) {
      const settlement = batch.settlement(from + index);
      const held = holder.held.get(settlement.seq);
      const mine = held !== undefined && held.fence === settlement.fence && !turn.ended.has(settlement.seq);
      const answer = mine ? this.#settleOne(batch, held, settlement, turn) : lost;
      if (mine) {
        // Even one that turns out to be lost leaves the room it took.
        turn.ended.add(settlement.seq);
        ended.push(settlement);
        holder.leaving++;
      }
      if (answer !== 0) answers ??= Array.from({ length: count }, () => 0 as const);
      if (answers !== undefined) answers[index] = answer;
    }
    turn.after.push(() => {
      holder.leaving = 0;
      for (const { seq } of ended) holder.held.delete(seq);
    });
    return answers ?? 0;
  }

  #settleOne(batch: Unpacked, held: HeldTask, settlement: SentSettlement, turn: Turn): 0 | 1 | SettledMore {
    const { seq, fence, ending: end, result, from, count, rest } = settlement;
    // What took its place since it was claimed may be of another size.
    const large = held.large || rest?.call !== undefined;
    let stands: StoredOutcome | undefined;
    if (end === ending.ack && !held.noted) {
      if (this.#remove.run(seq, fence) === 0) return lost;
      if (large) this.#removeLarge.run(seq);
      stands = this.#result(batch, result, turn);
    } else {
      const own = this.#own.get(seq, fence);
      if (own === undefined) return lost;
      stands = this.#result(batch, result, turn);
      const id = own[0] as string;
      // A task that is final is not tried again, whatever its end was meant to be.
      if (end === ending.ack || stands !== undefined) this.#drop(seq, fence, large, id);
      else {
        const carried = { crashes: own[1] as number, suspicions: own[2] as number, noted: own[3] as number };
        this.#end(batch, { seq, fence, end, rest: rest ?? {}, id, carried, large, queue: own[4] as number }, turn);
      }
    }
    if (rest?.call !== undefined) {
      const { mark, id } = rest.call;
      const isOver = stands !== undefined || end === ending.ack || end === ending.bury;
      if (isOver) this.#calls.end(mark, id, turn);
      else if (rest.next !== undefined) this.#calls.retried(mark, id, batch.message(rest.next).due, turn);
    }
    for (let index = from; index < from + count; index++) this.#publishing.once(batch.message(index), turn);
    const joined = rest?.arrive?.map((arrival): Joined => this.#joining.arrive(arrival, turn));
    if (stands === undefined) return joined === undefined ? 0 : { joined };
    return joined === undefined ? { outcome: stands } : { outcome: stands, joined };
  }

  #result(batch: Unpacked, index: number, turn: Turn): StoredOutcome | undefined {
    return index < 0 ? undefined : this.#results.store(batch.result(index), turn);
  }

  #drop(seq: number, fence: number, large: boolean, id: string): void {
    this.#remove.run(seq, fence);
    if (large) this.#removeLarge.run(seq);
    this.#forgetAttempts.run(id);
  }

  #end(
    batch: Unpacked,
    task: {
      readonly seq: number;
      readonly fence: number;
      readonly end: number;
      readonly rest: SettlementRest;
      readonly id: string;
      readonly carried: { readonly crashes: number; readonly suspicions: number; readonly noted: number };
      readonly large: boolean;
      readonly queue: number;
    },
    turn: Turn,
  ): void {
    const { seq, fence, rest, id, large } = task;
    if (rest.record !== undefined) this.note(rest.record.id || id, rest.record.value, turn.now);
    const noted = rest.record === undefined ? task.carried.noted : 1;
    if (task.end === ending.replace) {
      this.#remove.run(seq, fence);
      if (large) this.#removeLarge.run(seq);
      if (rest.next !== undefined) {
        this.#publishing.put(batch.message(rest.next), turn, { ...task.carried, noted });
      }
      return;
    }
    if (task.end === ending.bury) {
      const { letter } = rest;
      const attempts = this.#attempts.all(id).map((row) => JSON.parse(row[0] as string) as AttemptRecord);
      const all = JSON.stringify([...attempts, ...(letter?.attempts ?? [])]);
      const reason = letter?.reason ?? "rejected";
      this.#bury.run(
        seq,
        letter?.id ?? null,
        letter?.task ?? null,
        reason,
        letter?.at ?? turn.now,
        letter?.detail ?? "",
        all,
      );
      this.#drop(seq, fence, large, id);
      return;
    }
    const called = rest.behind !== undefined && !this.#places.wait(rest.behind, id, turn);
    const delayed = !called && rest.due !== undefined && rest.due > turn.now;
    const due = delayed ? Math.ceil(rest.due ?? 0) : null;
    const begun = rest.begun === true ? 1 : 0;
    this.#giveBack.run(seq, delayed ? 1 : 0, due, rest.crashes ?? null, rest.suspicions ?? null, noted, begun);
    if (task.end === ending.back && !delayed && !called) this.#order.moveToEnd([{ seq, large }]);
    if (delayed) turn.due = Math.min(turn.due, due ?? Infinity);
    else turn.ready.add(task.queue);
  }

  note(id: string, record: AttemptRecord, now: number): void {
    const n = this.#addAttempt.get(id, JSON.stringify(record), now)?.[0] as number;
    if (n > attemptLimit) this.#trimAttempts.run(id, n - attemptLimit);
  }

  /** Marks the beginning of user code. Those that ended in the same turn need no mark. */
  started(holder: Holder, seqs: readonly number[], fence: number, sure: boolean, turn: Turn): void {
    const running = seqs.filter((seq) => holder.held.get(seq)?.fence === fence && !turn.ended.has(seq));
    if (running.length > 0) this.#start.run(turn.now, sure ? 1 : 0, fence, JSON.stringify(running));
  }
}
