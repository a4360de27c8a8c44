/** Leadership: a row a name, with a number that only grows, and the step that records a tick and sends its task at once. */

import type { Term } from "../../port/lease.ts";
import type { Database, Statement } from "./database.ts";
import { published } from "./exchange.ts";
import type { Unpacked } from "./parcel.ts";
import type { Publishing } from "./publishing.ts";
import type { Turn } from "./turn.ts";

export class Terms {
  readonly #publishing: Publishing;
  readonly #acquire: Statement;
  readonly #read: Statement;
  readonly #renew: Statement;
  readonly #release: Statement;
  readonly #fired: Statement;
  readonly #fire: Statement;

  constructor(db: Database, publishing: Publishing) {
    this.#publishing = publishing;
    this.#acquire = db.prepare(
      `INSERT INTO celeriac_term (name, holder, term, until) VALUES (?1, ?2, 1, ?3)
       ON CONFLICT (name) DO UPDATE SET holder = ?2, term = term + 1, until = ?3 WHERE until <= ?4 RETURNING term`,
    );
    this.#read = db.prepare("SELECT holder, term, until FROM celeriac_term WHERE name = ?");
    this.#renew = db.prepare(
      "UPDATE celeriac_term SET until = ? WHERE name = ? AND holder = ? AND term = ? AND until > ?",
    );
    this.#release = db.prepare("UPDATE celeriac_term SET until = 0 WHERE name = ? AND holder = ? AND term = ?");
    this.#fired = db.prepare("SELECT 1 FROM celeriac_fired WHERE name = ? AND tick = ?");
    this.#fire = db.prepare("INSERT INTO celeriac_fired (name, tick, id, at) VALUES (?, ?, ?, ?)");
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

  fire(
    fire: { term: Term; schedule: string; tick: number; from: number },
    batch: Unpacked,
    turn: Turn,
  ): "fired" | "not" | "full" {
    const { term, schedule, tick } = fire;
    const row = this.#read.get(term.name);
    const current = row?.[0] === term.holder && row[1] === term.term && (row[2] as number) > turn.mono;
    if (!current || this.#fired.get(schedule, tick) !== undefined) return "not";
    const answer = this.#publishing.publish(batch, fire.from, 1, turn);
    if (typeof answer !== "number" && answer[0] === published.full) return "full";
    this.#fire.run(schedule, tick, batch.message(fire.from).id, turn.now);
    return "fired";
  }
}
