/**
 * Who uses the queue file: one row for each consumer, with the process it lives in and the bell that wakes it. Two consumers
 * of one process are two owners, so that neither is taken for the other.
 */

import { isGone } from "./host.ts";
import type { ProcessIdentity } from "./host.ts";
import type { Prepared, Sql } from "./sql.ts";

/** Rows of other name spaces cannot be looked up; after a day without a beat they are nobody's. */
const forgottenAfter = 86_400_000;

export interface Member {
  readonly no: number;
  readonly worker: string;
  readonly bell: string;
  readonly identity: ProcessIdentity;
  readonly beat: number;
}

export class ProcessTable {
  readonly #identity: ProcessIdentity;
  readonly #bells = new Map<number, string>();
  readonly #add: Prepared;
  readonly #remove: Prepared;
  readonly #removeIdle: Prepared;
  readonly #beat: Prepared;
  readonly #all: Prepared;
  readonly #one: Prepared;
  readonly #wake: Prepared;

  constructor(db: Sql, identity: ProcessIdentity) {
    this.#identity = identity;
    this.#add = db.prepare(
      "INSERT INTO celeriac_process (worker, pid, born, ns, boot, bell, beat) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#remove = db.prepare("DELETE FROM celeriac_process WHERE no = ?");
    this.#removeIdle = db.prepare("DELETE FROM celeriac_idle WHERE process = ?");
    this.#beat = db.prepare("UPDATE celeriac_process SET beat = ? WHERE no = ?");
    this.#all = db.prepare("SELECT no, worker, pid, born, ns, boot, bell, beat FROM celeriac_process");
    this.#one = db.prepare("SELECT no, worker, pid, born, ns, boot, bell, beat FROM celeriac_process WHERE no = ?");
    this.#wake = db.prepare(
      "DELETE FROM celeriac_idle WHERE process = (SELECT process FROM celeriac_idle WHERE queue = ? LIMIT 1) RETURNING process",
    );
  }

  add(worker: string, bell: string, now: number): number {
    const { pid, born, ns, boot } = this.#identity;
    return this.#add.insert(worker, pid, born, ns, boot, bell, now);
  }

  remove(no: number): void {
    this.#removeIdle.run(no);
    this.#remove.run(no);
  }

  /** Drops the notes of an idle consumer, as when it changes its queues. */
  removeIdle(no: number): void {
    this.#removeIdle.run(no);
  }

  beat(no: number, now: number): void {
    this.#beat.run(now, no);
  }

  find(no: number): Member | undefined {
    const row = this.#one.get(no);
    return row === undefined ? undefined : memberOf(row);
  }

  /** Members that certainly live no more. Reads only. */
  gone(now: number): readonly Member[] {
    return this.#all
      .all()
      .map(memberOf)
      .filter((member) => isGone(member.identity, this.#identity) || member.beat < now - forgottenAfter);
  }

  /** Of all members. Reads only. */
  bells(): ReadonlySet<string> {
    return new Set(this.#all.all().map((row) => memberOf(row).bell));
  }

  /** Takes one idle consumer of a queue off the list; returns its number and bell. */
  wakeOne(queue: number): { readonly no: number; readonly bell: string } | undefined {
    const no = this.#wake.all(queue)[0]?.[0] as number | undefined;
    if (no === undefined) return undefined;
    let bell = this.#bells.get(no);
    if (bell === undefined) {
      bell = this.find(no)?.bell ?? "";
      if (this.#bells.size > 1000) this.#bells.clear();
      this.#bells.set(no, bell);
    }
    return { no, bell };
  }
}

function memberOf(row: readonly unknown[]): Member {
  const [no, worker, pid, born, ns, boot, bell, beat] = row as [
    number,
    string,
    number,
    string,
    string,
    string,
    string,
    number,
  ];
  return { no, worker, bell, beat, identity: { pid, born, ns, boot } };
}
