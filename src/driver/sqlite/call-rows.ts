/** Keys that calls have: who stands for each, a row a key. Every method is part of the transaction that stores, begins or ends a message. */

import {
  beginCall,
  type CallDecision,
  type CallHeld,
  type CallRow,
  type CallRule,
  decideCall,
  endCall,
  keepCall,
} from "../../port/call-law.ts";
import { revokedKind } from "../../port/control-state.ts";
import type { CallMark } from "../../wire/call-mark.ts";
import type { BegunCall, CallStart } from "./exchange.ts";
import { type SentMessage, unset } from "./parcel.ts";
import { inlineBytes } from "./schema.ts";
import type { Prepared, Sql } from "./sql.ts";
import type { Turn } from "./turn.ts";

const empty = new Uint8Array(0);

export class CallRows {
  readonly #read: Prepared;
  readonly #write: Prepared;
  readonly #remove: Prepared;
  readonly #isFinal: Prepared;
  readonly #isRevoked: Prepared;
  readonly #place: Prepared;
  readonly #swap: Prepared;
  readonly #dropLarge: Prepared;
  readonly #putLarge: Prepared;
  readonly #move: Prepared;
  readonly #held: Prepared;
  readonly #purged: Prepared;
  readonly #purgedNext: Prepared;

  constructor(db: Sql) {
    this.#read = db.prepare(
      "SELECT id, begun, first, free, next, until FROM celeriac_call WHERE queue = ? AND key = ? AND until > ?",
    );
    this.#write = db.prepare(
      "INSERT OR REPLACE INTO celeriac_call (queue, key, id, begun, first, free, next, until) VALUES (?,?,?,?,?,?,?,?)",
    );
    this.#remove = db.prepare("DELETE FROM celeriac_call WHERE queue = ? AND key = ?");
    this.#isFinal = db.prepare(
      "SELECT 1 FROM celeriac_result WHERE id = ? AND final = 1 AND (until IS NULL OR until > ?)",
    );
    this.#isRevoked = db.prepare(
      "SELECT 1 FROM celeriac_fact WHERE kind = ? AND key = ? AND value IS NOT NULL AND (until IS NULL OR until > ?)",
    );
    this.#place = db.prepare("SELECT seq FROM celeriac_task WHERE id = ? ORDER BY seq LIMIT 1");
    this.#swap = db.prepare("UPDATE celeriac_task SET head = ?2, body = ?3, large = ?4 WHERE seq = ?1");
    this.#dropLarge = db.prepare("DELETE FROM celeriac_large WHERE seq = ?");
    this.#putLarge = db.prepare("INSERT INTO celeriac_large (seq, body) VALUES (?, ?)");
    this.#move = db.prepare("UPDATE celeriac_task SET due = ?2 WHERE seq = ?1 AND state = 1");
    this.#held = db.prepare(
      `SELECT t.head, coalesce(l.body, t.body) FROM celeriac_task t LEFT JOIN celeriac_large l ON l.seq = t.seq
       WHERE t.seq = ? AND t.fence = ? AND t.state = 2`,
    );
    const lost = (id: string): string => `NOT EXISTS (SELECT 1 FROM celeriac_task t WHERE t.id = ${id})`;
    this.#purged = db.prepare(
      `DELETE FROM celeriac_call WHERE queue = ?1 AND next IS NULL AND free IS NULL AND ${lost("celeriac_call.id")}`,
    );
    this.#purgedNext = db.prepare(
      `UPDATE celeriac_call SET next = NULL WHERE queue = ?1 AND next IS NOT NULL AND ${lost("celeriac_call.next")}`,
    );
  }

  /** Changes nothing yet. */
  decide(rule: CallRule, message: SentMessage, { now }: Turn): CallDecision {
    const row = this.#rowOf(message.queue, rule.key, now);
    const due = message.due === unset ? undefined : message.due;
    return decideCall(row, rule, { id: message.id, due }, now, (id, begun) => this.#isOver(id, begun, now));
  }

  /** Who stands for the key from now on; true if the message is in the place of the one that waited and must not be stored besides. */
  keep(rule: CallRule, decision: Exclude<CallDecision, CallHeld>, message: SentMessage, turn: Turn): boolean {
    this.#store(message.queue, rule.key, decision.row);
    if (decision.kind === "put") return false;
    const place = this.#place.get(message.id);
    if (place === undefined) return true;
    const seq = place[0] as number;
    const { head, body } = message;
    const large = body.length > inlineBytes;
    this.#swap.run(seq, head, large ? empty : body, large ? body.length : 0);
    this.#dropLarge.run(seq);
    if (large) this.#putLarge.run(seq, body);
    if (decision.due !== undefined) this.#moveTo(seq, decision.due, turn);
    return true;
  }

  /** About to start: each as it is now, undefined where it is another's. */
  begin(starts: readonly CallStart[], turn: Turn): readonly (BegunCall | undefined)[] {
    return starts.map(({ seq, fence, id, mark }) => {
      const held = this.#held.get(seq, fence);
      if (held === undefined) return undefined;
      const row = this.#rowOf(mark.queue, mark.key, turn.now);
      if (row !== undefined) this.#store(mark.queue, mark.key, beginCall(row, mark, id, turn.now));
      return { head: held[0] as string, body: held[1] as Uint8Array<ArrayBuffer> };
    });
  }

  /** What has ended gives up its key, and what waited for that is due. */
  end(mark: CallMark, id: string, turn: Turn): void {
    const row = this.#rowOf(mark.queue, mark.key, turn.now);
    if (row === undefined) return;
    const { row: left, release } = endCall(row, mark, id, turn.now);
    this.#store(mark.queue, mark.key, left);
    if (release === undefined) return;
    const place = this.#place.get(release);
    if (place !== undefined) this.#moveTo(place[0] as number, turn.now, turn);
  }

  /** It will be tried again. */
  retried(mark: CallMark, id: string, due: number, turn: Turn): void {
    const row = this.#rowOf(mark.queue, mark.key, turn.now);
    if (row !== undefined) this.#store(mark.queue, mark.key, keepCall(row, mark, id, Math.max(due, turn.now)));
  }

  /** Messages of this queue were removed. */
  purged(queue: string): void {
    // A row of which both are gone is one without the other first.
    this.#purgedNext.run(queue);
    this.#purged.run(queue);
  }

  #moveTo(seq: number, due: number, turn: Turn): void {
    if (this.#move.run(seq, Math.ceil(due)) > 0) turn.due = Math.min(turn.due, Math.ceil(due));
  }

  #isOver(id: string, begun: boolean, now: number): boolean {
    return (
      this.#isFinal.get(id, now) !== undefined || (!begun && this.#isRevoked.get(revokedKind, id, now) !== undefined)
    );
  }

  #rowOf(queue: string, key: string, now: number): CallRow | undefined {
    const row = this.#read.get(queue, key, now);
    if (row === undefined) return undefined;
    const [id, begun, first, free, next, until] = row;
    return {
      id: id as string,
      begun: begun === 1,
      first: first as number,
      ...(free !== null && { free: free as number }),
      ...(next !== null && { next: next as string }),
      until: until as number,
    };
  }

  #store(queue: string, key: string, row: CallRow | undefined): void {
    if (row === undefined) {
      this.#remove.run(queue, key);
      return;
    }
    const { id, begun, first, free, next, until } = row;
    this.#write.run(queue, key, id, begun ? 1 : 0, first, free ?? null, next ?? null, until);
  }
}
