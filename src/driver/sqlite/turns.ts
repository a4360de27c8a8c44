/**
 * Keys that take turns, numbered as in start-time fair queueing: a message's turn is one more than the last of its key, at least the lowest that
 * waits. Its turn stands where the priority of others does, above all of them, so that one index orders both.
 */

import { fairKeyIn } from "../../wire/fair.ts";
import type { Prepared, Sql } from "./sql.ts";

/** From here on a priority is a turn. */
export const firstTurn = 1_000;

export class Turns {
  readonly #lowest: Prepared;
  readonly #last: Prepared;
  readonly #set: Prepared;
  readonly #forget: Prepared;

  constructor(db: Sql) {
    this.#lowest = db.prepare(
      `SELECT prio FROM celeriac_task WHERE state = 0 AND queue = ? AND prio >= ${String(firstTurn)} ORDER BY prio LIMIT 1`,
    );
    this.#last = db.prepare("SELECT turn FROM celeriac_turn WHERE queue = ? AND key = ?");
    this.#set = db.prepare("INSERT OR REPLACE INTO celeriac_turn (queue, key, turn) VALUES (?, ?, ?)");
    this.#forget = db.prepare("DELETE FROM celeriac_turn WHERE queue = ? AND turn < ?");
  }

  /** Of the message with this head, as a priority. */
  next(queue: number, head: string): number {
    const key = fairKeyIn(head);
    const lowest = this.#lowest.get(queue)?.[0] as number | undefined;
    // Where nobody waits, nobody owes a turn.
    if (lowest === undefined) this.#forget.run(queue, Number.MAX_SAFE_INTEGER);
    const last = (this.#last.get(queue, key)?.[0] as number | undefined) ?? 0;
    const turn = Math.max(last + 1, lowest ?? firstTurn);
    this.#set.run(queue, key, turn);
    return turn;
  }

  /** Those who have had their last turn before what waits are as those who never came. */
  forget(queue: number): void {
    const lowest = this.#lowest.get(queue)?.[0] as number | undefined;
    this.#forget.run(queue, lowest ?? Number.MAX_SAFE_INTEGER);
  }
}
