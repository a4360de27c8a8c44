/**
 * The limit of `?maxSize`: how much of the file is in use. It refuses new messages alone; results, what follows a task and the
 * settlements that make room are never asked. (`PRAGMA max_page_count` knows no such difference: it would stop those as well.)
 */

import type { Prepared, Sql } from "./sql.ts";
import type { Turn } from "./turn.ts";

export class Quota {
  /** Bytes; 0 is no limit. */
  readonly maxSize: number;
  readonly #pages: Prepared;
  readonly #free: Prepared;
  readonly #pageSize: number;
  #turn: Turn | undefined;
  #used = 0;

  constructor(db: Sql, maxSize: number) {
    this.maxSize = maxSize;
    this.#pages = db.prepare("PRAGMA main.page_count");
    this.#free = db.prepare("PRAGMA main.freelist_count");
    this.#pageSize = Number(db.prepare("PRAGMA main.page_size").get()?.[0]);
  }

  /** Has the file no room for so many bytes more? Looked at once a transaction, and again where it would refuse; by sum otherwise. */
  isFull(bytes: number, turn: Turn): boolean {
    if (this.maxSize === 0) return false;
    // Its last page is not full, and one may be split for its row.
    const needed = (Math.ceil(bytes / this.#pageSize) + 1) * this.#pageSize;
    if (this.#turn !== turn || this.#used + needed > this.maxSize) {
      this.#turn = turn;
      this.#used = this.#inUse();
    }
    if (this.#used + needed > this.maxSize) return true;
    this.#used += needed;
    return false;
  }

  /** Both counts stand in the header of the file, so this costs microseconds; what this transaction has written is in them. */
  #inUse(): number {
    return (Number(this.#pages.get()?.[0]) - Number(this.#free.get()?.[0])) * this.#pageSize;
  }
}
