/** Leadership: a row a name, with a number that only grows, and an end on the machine's monotonic clock. */

import type { Term } from "../../port/lease.ts";
import type { Database, Statement } from "./database.ts";
import type { Turn } from "./turn.ts";

export class Terms {
  readonly #acquire: Statement;
  readonly #read: Statement;
  readonly #renew: Statement;
  readonly #release: Statement;

  constructor(db: Database) {
    this.#acquire = db.prepare(
      `INSERT INTO celeriac_term (name, holder, term, until) VALUES (?1, ?2, 1, ?3)
       ON CONFLICT (name) DO UPDATE SET holder = ?2, term = term + 1, until = ?3 WHERE until <= ?4 RETURNING term`,
    );
    this.#read = db.prepare("SELECT holder, term, until FROM celeriac_term WHERE name = ?");
    this.#renew = db.prepare(
      "UPDATE celeriac_term SET until = ? WHERE name = ? AND holder = ? AND term = ? AND until > ?",
    );
    this.#release = db.prepare("UPDATE celeriac_term SET until = 0 WHERE name = ? AND holder = ? AND term = ?");
  }

  /** Undefined while somebody holds it, be it the asker: he has `renew`. */
  acquire(name: string, holder: string, ttl: number, turn: Turn): Term | undefined {
    const row = this.#acquire.get(name, holder, turn.mono + ttl, turn.mono);
    return row === undefined ? undefined : { name, holder, term: row[0] as number, until: turn.now + ttl };
  }

  /** Could `acquire` succeed? Reads only. */
  isFree(name: string, mono: number): boolean {
    const row = this.#read.get(name);
    return row === undefined || (row[2] as number) <= mono;
  }

  renew(term: Term, ttl: number, turn: Turn): Term | undefined {
    const renewed = this.#renew.run(turn.mono + ttl, term.name, term.holder, term.term, turn.mono);
    return renewed === 0 ? undefined : { ...term, until: turn.now + ttl };
  }

  release(term: Term): void {
    this.#release.run(term.name, term.holder, term.term);
  }

  isCurrent(term: Term, mono: number): boolean {
    const row = this.#read.get(term.name);
    return row?.[0] === term.holder && row[1] === term.term && (row[2] as number) > mono;
  }
}
