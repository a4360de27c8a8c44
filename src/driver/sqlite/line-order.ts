/**
 * Moves waiting tasks to the end of the line, or before all others. The order is by `seq`, so the way there is a new one, taken from the
 * counter that also numbers new tasks, or from one that counts down from -1.
 */

import type { Prepared, Sql } from "./sql.ts";

export interface Moved {
  readonly seq: number;
  readonly large: boolean;
}

export class LineOrder {
  readonly #reserve: Prepared;
  readonly #reserveBefore: Prepared;
  readonly #move: Prepared;
  readonly #moveLarge: Prepared;

  constructor(db: Sql) {
    this.#reserve = db.prepare("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'celeriac_task' RETURNING seq");
    this.#reserveBefore = db.prepare(
      "INSERT INTO celeriac_meta (key, value) VALUES ('front', -?1) ON CONFLICT (key) DO UPDATE SET value = value - ?1 RETURNING value",
    );
    this.#move = db.prepare("UPDATE celeriac_task SET seq = ? WHERE seq = ?");
    this.#moveLarge = db.prepare("UPDATE celeriac_large SET seq = ? WHERE seq = ?");
  }

  /** In the order given. Whoever holds one knows it by the number it loses, and so loses it. */
  moveToEnd(tasks: readonly Moved[]): void {
    if (tasks.length === 0) return;
    const last = this.#reserve.get(tasks.length)?.[0] as number;
    this.#renumber(tasks, last - tasks.length + 1);
  }

  /** The same, before all that wait: the first of them comes next. */
  moveToFront(tasks: readonly Moved[]): void {
    if (tasks.length === 0) return;
    this.#renumber(tasks, this.#reserveBefore.get(tasks.length)?.[0] as number);
  }

  #renumber(tasks: readonly Moved[], first: number): void {
    for (const [index, { seq, large }] of tasks.entries()) {
      this.#move.run(first + index, seq);
      if (large) this.#moveLarge.run(first + index, seq);
    }
  }
}
