/** Names as numbers: tasks, queues, workers and errors are few and come often. 0 is no name at all. */

import type { Database } from "./database.ts";

/** More than that are some flood's, and are looked up in the file. */
const mostKnown = 50_000;
/** Beyond that all new ones are one: names are never forgotten, and their number must not be a stranger's choice. */
const most = 200_000;
const another = "(too many names)";

export class Words {
  readonly #database: Database;
  readonly #numbers = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  #count: number | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Of one that may be new; the writer's alone. */
  number(text: string | undefined): number {
    if (text === undefined) return 0;
    const known = this.find(text);
    if (known !== undefined) return known;
    this.#count ??= this.#database.number("SELECT count(*) FROM word");
    if (this.#count++ >= most && text !== another) return this.number(another);
    const number = this.#database.query("INSERT INTO word (text) VALUES (?)").insert(text);
    this.#keep(number, text);
    return number;
  }

  find(text: string): number | undefined {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const row = this.#database.query("SELECT id FROM word WHERE text = ?").get(text);
    if (row === undefined) return undefined;
    this.#keep(row[0] as number, text);
    return row[0] as number;
  }

  text(number: number): string | undefined {
    if (number === 0) return undefined;
    const known = this.#texts.get(number);
    if (known !== undefined) return known;
    const row = this.#database.query("SELECT text FROM word WHERE id = ?").get(number);
    if (row === undefined) return undefined;
    this.#keep(number, row[0] as string);
    return row[0] as string;
  }

  /** After a roll-back or a sweep: what it knows may not be in the file. */
  forget(): void {
    this.#numbers.clear();
    this.#texts.clear();
    this.#count = undefined;
  }

  #keep(number: number, text: string): void {
    if (this.#texts.size >= mostKnown) this.forget();
    this.#numbers.set(text, number);
    this.#texts.set(number, text);
  }
}
