/** Joins and saved groups in the queue file. A closed join's row is let go and a new one says that it is closed: its members may be thousands. */

import type { Arrival, Joined, JoinMember, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Prepared, Sql } from "./sql.ts";
import type { Turn } from "./turn.ts";

const state = { filling: 0, full: 1, closed: 2 } as const;
/** So long a closed join is told from one that was never open, ms. */
const closedFor = 3_600_000;
/** Of bodies in one answer. */
const byteLimit = 4 * 1024 * 1024;
/** Rows that are looked at in one step of tidying up. */
const tidyRows = 100;

interface Known {
  readonly no: number;
  readonly size: number | undefined;
  readonly arrived: number;
  readonly state: number;
  readonly kept: boolean;
}

export class Joining {
  readonly #read: Prepared;
  readonly #letGo: Prepared;
  readonly #create: Prepared;
  readonly #change: Prepared;
  readonly #seal: Prepared;
  readonly #isGrown: Prepared;
  readonly #addGrown: Prepared;
  readonly #dropGrown: Prepared;
  readonly #grow: Prepared;
  readonly #keepBody: Prepared;
  readonly #body: Prepared;
  readonly #dropBody: Prepared;
  readonly #add: Prepared;
  readonly #members: Prepared;
  readonly #dropMembers: Prepared;
  readonly #stale: Prepared;
  readonly #look: Prepared;
  readonly #over: Prepared;
  readonly #drop: Prepared;
  readonly #save: Prepared;
  readonly #saved: Prepared;
  readonly #unsave: Prepared;

  constructor(db: Sql) {
    this.#read = db.prepare("SELECT no, size, arrived, state, kept FROM celeriac_join WHERE grp = ? AND until > ?");
    this.#letGo = db.prepare("UPDATE celeriac_join SET grp = NULL, look = NULL, until = 0 WHERE grp = ?");
    this.#create = db.prepare("INSERT INTO celeriac_join (grp, state, until) VALUES (?, ?, ?)");
    this.#change = db.prepare(
      "UPDATE celeriac_join SET size = ?2, arrived = ?3, state = ?4, kept = ?5, look = coalesce(?6, look), until = ?7 WHERE no = ?1",
    );
    this.#seal = db.prepare("UPDATE celeriac_join SET look = NULL WHERE grp = ? AND state = 0");
    this.#isGrown = db.prepare("SELECT 1 FROM celeriac_grown WHERE grp = ? AND member = ?");
    this.#addGrown = db.prepare("INSERT INTO celeriac_grown (grp, member) VALUES (?, ?)");
    this.#dropGrown = db.prepare("DELETE FROM celeriac_grown WHERE grp = ?");
    this.#grow = db.prepare("UPDATE celeriac_join SET size = size + 1 WHERE no = ?");
    this.#keepBody = db.prepare("INSERT INTO celeriac_join_body (no, body) VALUES (?, ?)");
    this.#body = db.prepare("SELECT body FROM celeriac_join_body WHERE no = ?");
    this.#dropBody = db.prepare("DELETE FROM celeriac_join_body WHERE no = ?");
    this.#add = db.prepare(
      "INSERT OR IGNORE INTO celeriac_member (grp, idx, member, state, value) VALUES (?, ?, ?, ?, ?)",
    );
    this.#members = db.prepare(
      "SELECT idx, member, state, value FROM celeriac_member WHERE grp = ? ORDER BY idx, member LIMIT ? OFFSET ?",
    );
    this.#dropMembers = db.prepare(
      "DELETE FROM celeriac_member WHERE (grp, idx, member) IN (SELECT grp, idx, member FROM celeriac_member WHERE grp = ? LIMIT ?)",
    );
    this.#stale = db.prepare(
      "SELECT no, grp, state, kept FROM celeriac_join WHERE look <= ? AND until > ? ORDER BY look LIMIT ?",
    );
    this.#look = db.prepare("UPDATE celeriac_join SET look = ? WHERE no = ?");
    this.#over = db.prepare(`SELECT no FROM celeriac_join WHERE until < ? ORDER BY until LIMIT ${tidyRows}`);
    this.#drop = db.prepare("DELETE FROM celeriac_join WHERE no = ?");
    this.#save = db.prepare(
      "INSERT INTO celeriac_group (id, meta, until) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET meta = ?2, until = ?3",
    );
    this.#saved = db.prepare("SELECT meta FROM celeriac_group WHERE id = ? AND (until IS NULL OR until > ?)");
    this.#unsave = db.prepare("DELETE FROM celeriac_group WHERE id = ?");
  }

  open({ group, size, body, ttl, sending }: OpenJoin, turn: Turn): void {
    const known = this.#known(group, turn.now);
    if (known?.state === state.closed || known?.size !== undefined) return;
    const row = known ?? this.#make(group, turn);
    const look = sending === undefined ? undefined : turn.mono + sending;
    this.#put({ ...row, size }, body, ttl, turn, look);
  }

  seal(group: string): void {
    this.#seal.run(group);
  }

  arrive({ group, member, index, state: said, value, body, ttl }: Arrival, turn: Turn): Joined {
    const known = this.#known(group, turn.now);
    if (known?.state === state.closed || (known === undefined && body === undefined))
      return { group, arrived: 0, size: undefined, full: false };
    const row = known ?? this.#make(group, turn);
    const arrived = row.arrived + this.#add.run(row.no, index, member, said, value);
    const full = this.#put({ ...row, arrived }, body, ttl, turn, undefined);
    return { group, arrived, size: row.size, full };
  }

  grow({ group, member }: { readonly group: string; readonly member: string }, turn: Turn): boolean {
    const known = this.#known(group, turn.now);
    if (known === undefined || known.state === state.closed) return false;
    if (this.#isGrown.get(known.no, member) !== undefined) return true;
    if (known.size === undefined || known.state === state.full) return false;
    this.#addGrown.run(known.no, member);
    this.#grow.run(known.no);
    return true;
  }

  look(group: string, now: number): Joined | undefined {
    const known = this.#known(group, now);
    if (known === undefined || known.state === state.closed) return undefined;
    return { group, arrived: known.arrived, size: known.size, full: known.state === state.full };
  }

  members(
    { group, skip, limit }: { readonly group: string; readonly skip: number; readonly limit: number },
    now: number,
  ): readonly JoinMember[] {
    const known = this.#known(group, now);
    if (known === undefined) return [];
    return this.#members.all(known.no, limit, skip).map((row) => ({
      index: row[0] as number,
      member: row[1] as string,
      state: row[2] as string,
      value: row[3] as Uint8Array,
    }));
  }

  close(group: string, turn: Turn): void {
    this.#letGo.run(group);
    this.#create.run(group, state.closed, turn.now + closedFor);
  }

  stale({ age, limit }: { readonly age: number; readonly limit: number }, turn: Turn): readonly StaleJoin[] {
    const found: StaleJoin[] = [];
    let bytes = 0;
    for (const [no, group, said, kept] of this.#stale.all(turn.mono - age, turn.now, limit)) {
      if (bytes >= byteLimit) break;
      const body = kept === 1 ? (this.#body.get(no as number)?.[0] as Uint8Array) : undefined;
      bytes += body?.length ?? 0;
      this.#look.run(turn.mono, no as number);
      found.push({ group: group as string, why: said === state.full ? "full" : "unsent", body });
    }
    return found;
  }

  save({ group, meta, ttl }: { group: string; meta: Uint8Array; ttl: number | undefined }, now: number): void {
    this.#save.run(group, meta, ttl === undefined ? null : now + ttl);
  }

  saved(group: string, now: number): Uint8Array | undefined {
    return this.#saved.get(group, now)?.[0] as Uint8Array | undefined;
  }

  unsave(group: string): void {
    this.#unsave.run(group);
  }

  /** Removes what is over, about `limit` rows of it; true if there may be more. */
  tidy(now: number, limit: number): boolean {
    const rows = this.#over.all(now);
    let left = limit;
    for (const row of rows) {
      const no = row[0] as number;
      left -= this.#dropMembers.run(no, left);
      if (left <= 0) return true;
      this.#dropBody.run(no);
      this.#dropGrown.run(no);
      this.#drop.run(no);
    }
    return rows.length === tidyRows;
  }

  #known(group: string, now: number): Known | undefined {
    const row = this.#read.get(group, now);
    if (row === undefined) return undefined;
    const [no, size, arrived, said, kept] = row as [number, number | null, number, number, number];
    return { no, size: size ?? undefined, arrived, state: said, kept: kept === 1 };
  }

  #make(group: string, turn: Turn): Known {
    // One that is over may not be removed yet.
    this.#letGo.run(group);
    const no = this.#create.insert(group, state.filling, turn.now);
    return { no, size: undefined, arrived: 0, state: state.filling, kept: false };
  }

  /** True if it is full. */
  #put(row: Known, body: Uint8Array | undefined, ttl: number, turn: Turn, look: number | undefined): boolean {
    const { no, size, arrived } = row;
    if (!row.kept && body !== undefined) this.#keepBody.run(no, body);
    const full = row.state === state.full || (size !== undefined && arrived >= size);
    const since = full && row.state !== state.full ? turn.mono : look;
    const kept = row.kept || body !== undefined ? 1 : 0;
    this.#change.run(no, size ?? null, arrived, full ? state.full : state.filling, kept, since ?? null, turn.now + ttl);
    return full;
  }
}
