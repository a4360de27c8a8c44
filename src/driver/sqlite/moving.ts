/** Moves single tasks at somebody's word, all of a call in one transaction: in the line, to another queue, away from whoever holds them. */

import type { Database, Statement } from "./database.ts";
import type { Asks } from "./exchange.ts";
import type { LineOrder, Moved } from "./line-order.ts";
import type { QueueNames } from "./queue-names.ts";
import { taskState } from "./schema.ts";
import type { Row } from "./sql.ts";
import type { Turn } from "./turn.ts";

const places = ["ready", "delayed", "leased"] as const;

export class Moving {
  readonly #names: QueueNames;
  readonly #order: LineOrder;
  readonly #find: Statement;
  readonly #putBack: Statement;
  readonly #changeQueue: Statement;

  constructor(db: Database, names: QueueNames, order: LineOrder) {
    this.#names = names;
    this.#order = order;
    // Of several with one id the one that runs, else the one that comes first.
    this.#find = db.prepare(
      "SELECT seq, state, large FROM celeriac_task WHERE id = ? AND queue = ? ORDER BY state = 2 DESC, state, prio, seq LIMIT 1",
    );
    this.#putBack = db.prepare(
      `UPDATE celeriac_task SET queue = ?2, state = 0, lease = NULL, owner = NULL, started = NULL, redelivered = redelivered OR state = 2
       WHERE seq = ?1`,
    );
    this.#changeQueue = db.prepare("UPDATE celeriac_task SET queue = ?2 WHERE seq = ?1");
  }

  requeue({ queue, ids, to }: Asks["requeue"]["in"], turn: Turn): Asks["requeue"]["out"] {
    const from = this.#names.find(queue);
    if (from === undefined) return ids.map(() => undefined);
    const target = to.queue === undefined ? from : this.#names.number(to.queue);
    const moved: Moved[] = [];
    const states = ids.map((id) => {
      const row = this.#find.get(id, from);
      return row === undefined ? undefined : this.#take(row, target, moved);
    });
    if (to.at === "front") this.#order.moveToFront(moved);
    else this.#order.moveToEnd(moved);
    if (moved.length > 0) turn.ready.add(target);
    return states;
  }

  #take(row: Row, target: number, moved: Moved[]): (typeof places)[number] {
    const [seq, state, large] = row as [number, 0 | 1 | 2, number];
    if (state === taskState.delayed) this.#changeQueue.run(seq, target);
    else {
      this.#putBack.run(seq, target);
      moved.push({ seq, large: large > 0 });
    }
    return places[state];
  }
}
