/**
 * Slots, and who stands in line for one: a row each, on the machine's monotonic clock. A place that comes free is kept for the first in line,
 * whose message is put to the front of its queue in the same transaction.
 */

import type { Granted, Limits, Places as Standing, SlotAsk } from "../../port/limits.ts";
import { freeSlots, isLive, type SlotHolder, takeSlot } from "../../port/rate-law.ts";
import type { Database, Statement } from "./database.ts";
import type { LineOrder } from "./line-order.ts";
import { taskState } from "./schema.ts";
import type { Turn } from "./turn.ts";

/** A row of the line is of no use if nobody has touched it for so long, ms: who stands there looks far more often. */
const lineFor = 3_600_000;
/** Rows of messages that are gone, looked at for one place. */
const mostGone = 1_000;

export class Places {
  readonly #order: LineOrder;
  readonly #holders: Statement;
  readonly #hold: Statement;
  readonly #giveBack: Statement;
  readonly #giveOwn: Statement;
  readonly #place: Statement;
  readonly #ends: Statement;
  readonly #join: Statement;
  readonly #touch: Statement;
  readonly #leave: Statement;
  readonly #first: Statement;
  readonly #count: Statement;
  readonly #message: Statement;
  readonly #call: Statement;

  constructor(db: Database, order: LineOrder) {
    this.#order = order;
    this.#holders = db.prepare("SELECT holder, ends, lease, claim FROM celeriac_place WHERE key = ?");
    this.#hold = db.prepare(
      "INSERT OR REPLACE INTO celeriac_place (key, holder, ends, lease, claim, until) VALUES (?,?,?,?,?,?)",
    );
    this.#giveBack = db.prepare("DELETE FROM celeriac_place WHERE key = ? AND holder = ?");
    this.#giveOwn = db.prepare("DELETE FROM celeriac_place WHERE key = ? AND holder = ? AND claim = ?");
    this.#place = db.prepare("SELECT no FROM celeriac_line WHERE key = ? AND id = ?");
    this.#ends = db.prepare("SELECT min(no), max(no) FROM celeriac_line WHERE key = ?");
    this.#join = db.prepare("INSERT INTO celeriac_line (key, no, id, until) VALUES (?,?,?,?)");
    this.#touch = db.prepare("UPDATE celeriac_line SET until = ? WHERE key = ? AND no = ?");
    this.#leave = db.prepare("DELETE FROM celeriac_line WHERE key = ? AND id = ?");
    this.#first = db.prepare("SELECT id FROM celeriac_line WHERE key = ? ORDER BY no LIMIT 1");
    this.#count = db.prepare("SELECT count(*) FROM celeriac_line WHERE key = ?");
    this.#message = db.prepare(
      "SELECT seq, state, queue, large FROM celeriac_task WHERE id = ? ORDER BY state = 1 DESC, seq LIMIT 1",
    );
    this.#call = db.prepare("UPDATE celeriac_task SET state = 0, due = NULL WHERE seq = ?");
  }

  take(ask: SlotAsk, turn: Turn): Granted {
    const { key, holder, lease, claim = "" } = ask;
    this.#advance(ask, turn);
    const [first, last] = (this.#ends.get(key) ?? [null, null]) as [number | null, number | null];
    const own = first === null ? undefined : (this.#place.get(key, holder)?.[0] as number | undefined);
    // By number, so fewer may be left ahead. It says how long to wait; who comes next was decided above.
    const ahead = first === null || own === first ? 0 : (own ?? (last ?? 0) + 1) - first;
    const granted = takeSlot(this.#held(key), ask, turn.mono, ahead);
    if (granted.ok) {
      if (own !== undefined) this.#leave.run(key, holder);
      this.#keep(key, holder, lease, claim, turn);
    } else if (ask.line === true) {
      if (own === undefined) this.#join.run(key, (last ?? 0) + 1, holder, turn.now + lineFor);
      else this.#touch.run(turn.now + lineFor, key, own);
    }
    return granted;
  }

  give({ key, holder, claim, limit, lease }: Parameters<Limits["give"]>[0][number], turn: Turn): void {
    if (claim === undefined) this.#giveBack.run(key, holder);
    else this.#giveOwn.run(key, holder, claim);
    this.#advance({ key, limit, lease }, turn);
  }

  /** Its message is put back to wait. False: it has been given a place meanwhile. */
  wait(key: string, holder: string, turn: Turn): boolean {
    if (this.#held(key).some((each) => each.holder === holder && isLive(each, turn.mono))) return false;
    if (this.#place.get(key, holder) === undefined) {
      const last = this.#ends.get(key)?.[1] as number | null | undefined;
      this.#join.run(key, (last ?? 0) + 1, holder, turn.now + lineFor);
    }
    return true;
  }

  look(key: string, mono: number): Standing {
    const live = this.#held(key).filter((each) => isLive(each, mono));
    return { holders: live.map(({ holder }) => holder), waiting: this.#count.get(key)?.[0] as number };
  }

  /** Keeps what is free for those in line, in order. Who asks may be among them. */
  #advance({ key, limit, lease }: Pick<SlotAsk, "key" | "limit" | "lease">, turn: Turn): void {
    if (this.#first.get(key) === undefined) return;
    let free = freeSlots(this.#held(key), limit, turn.mono);
    const called: { readonly seq: number; readonly large: boolean }[] = [];
    for (let gone = 0; free > 0 && gone < mostGone;) {
      const id = this.#first.get(key)?.[0] as string | undefined;
      if (id === undefined) break;
      this.#leave.run(key, id);
      const row = this.#message.get(id);
      if (row === undefined) {
        gone += 1;
        continue;
      }
      const [seq, state, queue, large] = row as [number, number, number, number];
      // Ready or leased: it is on its way to ask, or to the line.
      if (state === taskState.delayed) {
        this.#call.run(seq);
        called.push({ seq, large: large > 0 });
        turn.ready.add(queue);
      }
      this.#keep(key, id, lease, "", turn);
      free -= 1;
    }
    this.#order.moveToFront(called);
  }

  #keep(key: string, holder: string, lease: number, claim: string, { mono, now }: Turn): void {
    this.#hold.run(key, holder, mono + lease, lease, claim, Math.ceil(now + lease));
  }

  #held(key: string): readonly SlotHolder[] {
    return this.#holders.all(key).map(([holder, until, lease, claim]) => ({
      holder: holder as string,
      until: until as number,
      lease: lease as number,
      claim: claim as string,
    }));
  }
}
