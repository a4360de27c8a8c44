/**
 * The ledger in the queue file: a row for each start of an id that is not final, and the messages that are kept while their runs go on.
 * Rows of kept messages do not expire.
 */

import type { Begun, Claimed, ExpiredHold, Hold, Ledger, Start, Waiting } from "../../port/ledger.ts";
import { followed, nameOf, type Standing as StandingStart, verdictOn } from "../../port/start-law.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import type { Database, Statement } from "./database.ts";
import type { Row } from "./sql.ts";
import type { Turn } from "./turn.ts";

/** `final`: its result is stored, and its message still kept. */
const state = { begun: 0, open: 1, finished: 2, final: 3, retried: 4, replaced: 5 } as const;
const stateNames: ReadonlyMap<number, StandingStart["state"]> = new Map(
  Object.entries(state).map(([name, code]) => [code, name as StandingStart["state"]]),
);
const rowFor = 7 * 86_400_000;
const finishedFor = 3_600_000;
/** Of the messages that are given back in one transaction. */
const byteLimit = 4 * 1024 * 1024;

/** What results know of an id. */
export interface Standing {
  final(id: string, now: number): StoredOutcome | undefined;
  fenceOf(id: string, now: number): number;
}

interface Keeping {
  readonly lease: number;
  /** Whose messages these are. */
  readonly broker: string;
}

interface Known {
  readonly state: number;
  readonly fence: number;
  readonly attempt: number;
  readonly sure: boolean;
  readonly nonce: string;
  readonly name: string | undefined;
  readonly crashes: number;
  readonly suspicions: number;
  readonly copy: string | null;
  readonly held: boolean;
}

export class Starts {
  readonly #read: Statement;
  readonly #write: Statement;
  readonly #setState: Statement;
  readonly #setCopy: Statement;
  readonly #fence: Statement;
  readonly #remove: Statement;
  readonly #hold: Statement;
  readonly #renew: Statement;
  readonly #over: Statement;
  readonly #held: Statement;
  readonly #letGo: Statement;

  constructor(db: Database) {
    this.#read = db.prepare(
      `SELECT state, fence, attempt, sure, nonce, crashes, suspicions, copy, message, EXISTS (SELECT 1 FROM celeriac_hold h WHERE h.id = s.id)
       FROM celeriac_start s WHERE id = ? AND (until IS NULL OR until > ?)`,
    );
    this.#write = db.prepare(
      `INSERT INTO celeriac_start (id, state, fence, attempt, sure, nonce, crashes, suspicions, until, message)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET state = ?2, fence = ?3, attempt = ?4, sure = ?5,
       nonce = ?6, crashes = ?7, suspicions = ?8, copy = NULL, until = ?9, message = ?10`,
    );
    this.#setState = db.prepare(
      "UPDATE celeriac_start SET state = ?2, crashes = coalesce(?3, crashes), suspicions = coalesce(?4, suspicions), until = ?5 WHERE id = ?1",
    );
    this.#setCopy = db.prepare(
      "UPDATE celeriac_start SET copy = coalesce(copy, ?2) WHERE id = ?1 RETURNING copy, fence",
    );
    this.#fence = db.prepare("SELECT fence FROM celeriac_start WHERE id = ? AND (until IS NULL OR until > ?)");
    this.#remove = db.prepare("DELETE FROM celeriac_start WHERE id = ?");
    this.#hold = db.prepare(
      "INSERT INTO celeriac_hold (id, queue, lease, raw, broker) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET lease = ?3",
    );
    this.#renew = db.prepare("UPDATE celeriac_hold SET lease = ?2 WHERE id = ?1");
    this.#over = db.prepare("SELECT id FROM celeriac_hold WHERE broker = ? AND lease <= ? ORDER BY lease LIMIT ?");
    this.#held = db.prepare("SELECT queue, raw FROM celeriac_hold WHERE id = ?");
    this.#letGo = db.prepare("DELETE FROM celeriac_hold WHERE id = ?");
  }

  /** 0 if nothing has begun. */
  fenceOf(id: string, now: number): number {
    return (this.#fence.get(id, now)?.[0] as number | undefined) ?? 0;
  }

  begin(start: Start, standing: Standing, turn: Turn): Begun {
    const { id } = start;
    const outcome = standing.final(id, turn.now);
    if (outcome !== undefined) return { kind: "final", outcome };
    const row = this.#known(id, turn);
    if (row?.state === state.finished || row?.state === state.final) return { kind: "final", outcome: undefined };
    if (row?.nonce === start.nonce) return { kind: "go", ...countsOf(row) };
    let { crashes, suspicions } = row ?? { crashes: 0, suspicions: 0 };
    const verdict = verdictOn(start, standingOf(row));
    if (verdict === "stale" || verdict === "held") return { kind: verdict };
    if (verdict === "counts") {
      if (row?.sure === true) crashes += 1;
      else suspicions += 1;
    }
    const highest = Math.max(row?.fence ?? 0, standing.fenceOf(id, turn.now));
    const fence = Math.max(highest + 1, turn.now * 1_000);
    const sure = start.blame === "sure" ? 1 : 0;
    const until = turn.now + rowFor;
    this.#write.run(
      id,
      state.begun,
      fence,
      start.attempt,
      sure,
      start.nonce,
      crashes,
      suspicions,
      until,
      nameOf(start) ?? null,
    );
    if (row?.held) this.#letGo.run(id);
    return { kind: "go", fence, crashes, suspicions };
  }

  follows(waiting: Waiting, now: number): number | undefined {
    return followed(waiting, standingOf(this.#known(waiting.id, { now })));
  }

  reopen({ id, fence, crashes, suspicions, as }: Parameters<Ledger["reopen"]>[0][number], turn: Turn): void {
    const row = this.#known(id, turn);
    if (row?.fence !== fence || row.state === state.finished || row.state === state.final) return;
    this.#set(id, state[as ?? "open"], row.held, turn, crashes, suspicions);
  }

  finish({ id, fence }: Claimed, turn: Turn): "finished" | "fenced" {
    const row = this.#known(id, turn);
    if (row !== undefined && fence < row.fence) return "fenced";
    if (row === undefined) this.#write.run(id, state.finished, fence, 0, 0, "", 0, 0, turn.now + finishedFor, null);
    else this.#set(id, state.finished, row.held, turn);
    return "finished";
  }

  /** The final result of a start is stored. */
  close(id: string, turn: Turn): void {
    if (this.#known(id, turn)?.held) this.#set(id, state.final, true, turn);
    else this.#remove.run(id);
  }

  take({ id, fence, queue, raw }: Hold, { lease, broker }: Keeping, turn: Turn): "held" | "fenced" {
    const row = this.#known(id, turn);
    if (row?.fence !== fence || row.state !== state.begun || row.copy !== null) return "fenced";
    this.#hold.run(id, queue, turn.mono + lease, raw, broker);
    this.#set(id, state.begun, true, turn);
    return "held";
  }

  renew({ id, fence }: Claimed, lease: number, turn: Turn): boolean {
    const row = this.#known(id, turn);
    if (row?.fence !== fence || row.copy !== null || !row.held) return false;
    this.#renew.run(id, turn.mono + lease);
    return true;
  }

  expired({ lease, limit, broker }: Keeping & { readonly limit: number }, turn: Turn): readonly ExpiredHold[] {
    const given: ExpiredHold[] = [];
    let bytes = 0;
    for (const [key] of this.#over.all(broker, turn.mono, limit)) {
      if (bytes >= byteLimit) break;
      const id = key as string;
      const [copy, fence] = this.#setCopy.get(id, crypto.randomUUID()) as Row;
      const [queue, raw] = this.#held.get(id) as Row;
      this.#renew.run(id, turn.mono + lease);
      bytes += (raw as Uint8Array).length;
      given.push({
        id,
        fence: fence as number,
        queue: queue as string,
        raw: raw as Uint8Array,
        messageId: copy as string,
      });
    }
    return given;
  }

  release({ id, fence }: Claimed, turn: Turn): void {
    const row = this.#known(id, turn);
    if (row?.fence !== fence || !row.held) return;
    this.#letGo.run(id);
    if (row.state === state.final) this.#remove.run(id);
    else this.#set(id, row.state, false, turn);
  }

  #set(id: string, next: number, held: boolean, turn: Turn, crashes?: number, suspicions?: number): void {
    const until = held ? null : turn.now + (next === state.finished ? finishedFor : rowFor);
    this.#setState.run(id, next, crashes ?? null, suspicions ?? null, until);
  }

  #known(id: string, { now }: Pick<Turn, "now">): Known | undefined {
    const row = this.#read.get(id, now);
    return row === undefined
      ? undefined
      : {
          state: row[0] as number,
          fence: row[1] as number,
          attempt: row[2] as number,
          sure: row[3] === 1,
          nonce: row[4] as string,
          crashes: row[5] as number,
          suspicions: row[6] as number,
          copy: row[7] as string | null,
          name: (row[8] as string | null) ?? undefined,
          held: row[9] === 1,
        };
  }
}

function standingOf(row: Known | undefined): StandingStart | undefined {
  return row && { ...row, state: stateNames.get(row.state) ?? "final", copy: row.copy ?? undefined };
}

function countsOf({ fence, crashes, suspicions }: Known): Omit<Extract<Begun, { kind: "go" }>, "kind"> {
  return { fence, crashes, suspicions };
}
