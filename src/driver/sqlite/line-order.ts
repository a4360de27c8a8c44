/**
 * Moves waiting tasks to the end of the line. The order is by `seq`, so the way there is a new one, taken from the counter that
 * also numbers new tasks.
 */

import type { Database, Statement } from "./database.ts";

export class LineOrder {
  readonly #reserve: Statement;
  readonly #move: Statement;
  readonly #moveLarge: Statement;

  constructor(db: Database) {
    this.#reserve = db.prepare("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'celeriac_task' RETURNING seq");
    this.#move = db.prepare("UPDATE celeriac_task SET seq = ? WHERE seq = ?");
    this.#moveLarge = db.prepare("UPDATE celeriac_large SET seq = ? WHERE seq = ?");
  }

  /** In the order given. Nobody may hold them: their holder knows them by the number they lose. */
  moveToEnd(tasks: readonly { readonly seq: number; readonly large: boolean }[]): void {
    if (tasks.length === 0) return;
    const last = this.#reserve.get(tasks.length)?.[0] as number;
    for (const [index, { seq, large }] of tasks.entries()) {
      const moved = last - tasks.length + 1 + index;
      this.#move.run(moved, seq);
      if (large) this.#moveLarge.run(moved, seq);
    }
  }
}
