/** Ticks of schedules: that one has fired and its tasks are written in one step, or marked in two where the tasks lie elsewhere. */

import type { Begun, Fired, FiredTick, Term } from "../../port/lease.ts";
import type { Database, Statement } from "./database.ts";
import type { Refusal } from "./exchange.ts";
import type { Unpacked } from "./parcel.ts";
import type { Publishing } from "./publishing.ts";
import type { Terms } from "./terms.ts";
import type { Turn } from "./turn.ts";

const keptTicks = 1_000;
/** So far below the last tick that was dropped all have fired; what is older still comes of a clock that was set back. */
const firedBelow = 7 * 86_400_000;

interface Tick {
  readonly schedule: string;
  readonly tick: number;
}

export class Ticks {
  readonly #terms: Terms;
  readonly #publishing: Publishing;
  readonly #known: Statement;
  readonly #dropped: Statement;
  readonly #fire: Statement;
  readonly #overdue: Statement;
  readonly #drop: Statement;
  readonly #setDropped: Statement;
  readonly #latest: Statement;
  readonly #begin: Statement;
  readonly #trimBegun: Statement;
  readonly #end: Statement;
  readonly #forget: readonly Statement[];

  constructor(db: Database, terms: Terms, publishing: Publishing) {
    this.#terms = terms;
    this.#publishing = publishing;
    this.#known = db.prepare("SELECT id FROM celeriac_fired WHERE name = ? AND tick = ?");
    this.#dropped = db.prepare("SELECT 1 FROM celeriac_dropped WHERE name = ? AND tick >= ? AND tick < ?");
    this.#fire = db.prepare(
      `INSERT INTO celeriac_fired (name, tick, id, at)
       VALUES (?1, ?2, ?3, max(?4, coalesce((SELECT max(at) + 1 FROM celeriac_fired WHERE name = ?1), 0)))`,
    );
    this.#overdue = db.prepare(
      `SELECT tick FROM celeriac_fired WHERE name = ? ORDER BY at DESC LIMIT -1 OFFSET ${keptTicks}`,
    );
    this.#drop = db.prepare("DELETE FROM celeriac_fired WHERE name = ? AND tick = ?");
    this.#setDropped = db.prepare(
      "INSERT INTO celeriac_dropped (name, tick) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET tick = excluded.tick",
    );
    this.#latest = db.prepare("SELECT tick, id FROM celeriac_fired WHERE name = ? ORDER BY at DESC LIMIT ?");
    this.#begin = db.prepare("INSERT OR IGNORE INTO celeriac_begun (name, tick, id, at) VALUES (?, ?, ?, ?)");
    this.#trimBegun = db.prepare(
      `DELETE FROM celeriac_begun WHERE name = ?1 AND tick IN
       (SELECT tick FROM celeriac_begun WHERE name = ?1 ORDER BY at DESC, tick DESC LIMIT -1 OFFSET ${keptTicks})`,
    );
    this.#end = db.prepare("DELETE FROM celeriac_begun WHERE name = ? AND tick = ?");
    this.#forget = ["fired", "begun", "dropped"].map((table) =>
      db.prepare(`DELETE FROM celeriac_${table} WHERE name = ?`),
    );
  }

  fire(
    fire: Tick & { readonly term: Term; readonly from: number; readonly count: number },
    batch: Unpacked,
    turn: Turn,
  ): Fired | Refusal {
    const { term, from, count } = fire;
    const id = count === 0 ? "" : batch.message(from).id;
    const earlier = this.#earlier(fire, id);
    if (earlier !== undefined) return earlier;
    if (!this.#terms.isCurrent(term, turn.mono)) return "not-leader";
    const refusal = this.#publishing.refusal(batch, from, count, turn);
    if (refusal !== undefined) return refusal;
    for (let index = from; index < from + count; index++) this.#publishing.once(batch.message(index), turn);
    this.#store(fire, id, turn);
    return "fired";
  }

  begin(begin: Tick & { readonly term: Term; readonly id: string }, turn: Turn): Begun {
    const { schedule, tick, term, id } = begin;
    const earlier = this.#earlier(begin, id);
    if (earlier !== undefined) return earlier;
    if (!this.#terms.isCurrent(term, turn.mono)) return "not-leader";
    if (this.#begin.run(schedule, tick, id, turn.now) === 0) return "begun-before";
    this.#trimBegun.run(schedule);
    return "begun";
  }

  done(done: Tick & { readonly id: string }, turn: Turn): void {
    if (this.#earlier(done, done.id) === undefined) this.#store(done, done.id, turn);
  }

  latest(schedule: string, limit: number): readonly FiredTick[] {
    return this.#latest.all(schedule, limit).map(([tick, id]) => ({
      tick: tick as number,
      id: id === "" ? undefined : (id as string),
    }));
  }

  forget(schedules: readonly string[]): void {
    for (const schedule of schedules) for (const statement of this.#forget) statement.run(schedule);
  }

  #earlier({ schedule, tick }: Tick, id: string): "mine-already" | "fired-before" | undefined {
    const known = this.#known.get(schedule, tick);
    if (known !== undefined) return known[0] === id ? "mine-already" : "fired-before";
    return this.#dropped.get(schedule, tick, tick + firedBelow) === undefined ? undefined : "fired-before";
  }

  #store({ schedule, tick }: Tick, id: string, turn: Turn): void {
    this.#end.run(schedule, tick);
    this.#fire.run(schedule, tick, id, turn.now);
    for (const [dropped] of this.#overdue.all(schedule)) {
      this.#drop.run(schedule, dropped as number);
      this.#setDropped.run(schedule, dropped as number);
    }
  }
}
