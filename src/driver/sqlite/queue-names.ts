/** Numbers of queues: rows carry a number, callers a name. Cached; `forget` after a rollback, which may have undone one. */

import type { Prepared, Sql } from "./sql.ts";

export class QueueNames {
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();
  readonly #find: Prepared;
  readonly #insert: Prepared;
  readonly #name: Prepared;
  readonly #paused: Prepared;

  constructor(db: Sql) {
    this.#find = db.prepare("SELECT no FROM celeriac_queue WHERE name = ?");
    this.#insert = db.prepare("INSERT INTO celeriac_queue (name) VALUES (?)");
    this.#name = db.prepare("SELECT name FROM celeriac_queue WHERE no = ?");
    this.#paused = db.prepare("SELECT no FROM celeriac_queue WHERE paused = 1");
  }

  /** The number of a queue, made if need be; inside a transaction only. */
  number(name: string): number {
    return this.find(name) ?? this.#keep(name, this.#insert.insert(name));
  }

  find(name: string): number | undefined {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const row = this.#find.get(name);
    return row === undefined ? undefined : this.#keep(name, row[0] as number);
  }

  name(no: number): string {
    const known = this.#names.get(no);
    if (known !== undefined) return known;
    const name = this.#name.get(no)?.[0] as string;
    this.#keep(name, no);
    return name;
  }

  paused(): ReadonlySet<number> {
    return new Set(this.#paused.all().map((row) => row[0] as number));
  }

  forget(): void {
    this.#numbers.clear();
    this.#names.clear();
  }

  #keep(name: string, no: number): number {
    this.#numbers.set(name, no);
    this.#names.set(no, name);
    return no;
  }
}
