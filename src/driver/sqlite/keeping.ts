/**
 * Leases over time: renews what this process holds, takes back what the dead and the silent held, lets go of everything at once.
 * A start whose process died without a verdict counts as a suspicion, or as a crash where it ran alone in that process.
 */

import type { AttemptRecord } from "../../port/queue-admin.ts";
import { decodeHead } from "../../wire/envelope.ts";
import type { Database, Statement } from "./database.ts";
import type { Lost } from "./exchange.ts";
import type { Holder } from "./holder.ts";
import type { Member, ProcessTable } from "./process-table.ts";
import type { Settling } from "./settling.ts";
import type { Row } from "./sql.ts";
import type { Turn } from "./turn.ts";

/** Deliveries taken back in one transaction. */
const reapLimit = 100;
const columns = "seq, id, queue, owner, fence, started, blame, head";

export class Keeping {
  readonly #processes: ProcessTable;
  readonly #settling: Settling;
  readonly #renew: Statement;
  readonly #mine: Statement;
  readonly #abandon: Statement;
  readonly #expired: Statement;
  readonly #ofOwner: Statement;
  readonly #anyExpired: Statement;
  readonly #takeBack: Statement;
  readonly #letGo: Statement;
  readonly #giveBackAll: Statement;

  constructor(db: Database, processes: ProcessTable, settling: Settling) {
    this.#processes = processes;
    this.#settling = settling;
    this.#renew = db.prepare("UPDATE celeriac_task SET lease = ? WHERE state = 2 AND owner = ?");
    this.#mine = db.prepare("SELECT seq, fence FROM celeriac_task WHERE state = 2 AND owner = ?");
    this.#abandon = db.prepare(
      "UPDATE celeriac_task SET lease = 0, owner = 0 WHERE seq = ? AND fence = ? AND state = 2 AND owner = ?",
    );
    this.#anyExpired = db.prepare("SELECT 1 FROM celeriac_task WHERE state = 2 AND lease < ? LIMIT 1");
    this.#expired = db.prepare(`SELECT ${columns} FROM celeriac_task WHERE state = 2 AND lease < ? LIMIT ${reapLimit}`);
    this.#ofOwner = db.prepare(`SELECT ${columns} FROM celeriac_task WHERE state = 2 AND owner = ? LIMIT ${reapLimit}`);
    this.#takeBack = db.prepare(
      `UPDATE celeriac_task SET state = 0, lease = NULL, owner = NULL, redelivered = 1, started = NULL, crashes = crashes + ?,
       suspicions = suspicions + ?, noted = noted OR ? WHERE seq = ?`,
    );
    this.#letGo = db.prepare("UPDATE celeriac_task SET lease = 0 WHERE state = 2 AND owner = ?");
    this.#giveBackAll = db.prepare(
      "UPDATE celeriac_task SET state = 0, lease = NULL, owner = NULL, redelivered = redelivered OR started IS NOT NULL, started = NULL WHERE state = 2 AND owner = ? RETURNING queue",
    );
  }

  /** Prolongs all leases of a consumer in one statement. Answers which of them were not ours any more. */
  renew(holder: Holder, turn: Turn): readonly Lost[] {
    for (const [seq, fence] of holder.abandoned) this.#abandon.run(seq, fence, holder.no);
    const until = turn.mono + holder.options.lease;
    const renewed = this.#renew.run(until, holder.no);
    let lost: readonly Lost[] = [];
    if (renewed !== holder.held.size) {
      const mine = new Map(this.#mine.all(holder.no).map((row) => [row[0] as number, row[1] as number]));
      lost = [...holder.held]
        .filter(([seq, { fence }]) => mine.get(seq) !== fence)
        .map(([seq, { fence }]) => [seq, fence] as const);
    }
    this.#processes.beat(holder.no, turn.now);
    turn.after.push(() => {
      holder.abandoned.clear();
      for (const [seq] of lost) holder.held.delete(seq);
      for (const task of holder.held.values()) task.until = until;
    });
    return lost;
  }

  /** Is there anything to reap? Reads only. */
  hasExpired(mono: number): boolean {
    return this.#anyExpired.get(mono) !== undefined;
  }

  /** Takes expired deliveries back to the front of their queues; true if there may be more. */
  reap(turn: Turn): boolean {
    const rows = this.#expired.all(turn.mono);
    for (const row of rows) this.#take(row, this.#processes.find(row[3] as number), turn);
    return rows.length === reapLimit;
  }

  /** Takes back all that a dead process held; true if there may be more. */
  bequeath(member: Member, turn: Turn): boolean {
    const rows = this.#ofOwner.all(member.no);
    for (const row of rows) this.#take(row, member, turn);
    if (rows.length === reapLimit) return true;
    this.#processes.remove(member.no);
    return false;
  }

  #take(row: Row, member: Member | undefined, turn: Turn): void {
    const [seq, id, queue, , , started, blame, head] = row as [
      number,
      string,
      number,
      number,
      number,
      number | null,
      number,
      string,
    ];
    const began = started !== null;
    if (began) this.#settling.note(id, recordOf(head, member, started, turn.now), turn.now);
    this.#takeBack.run(began && blame === 1 ? 1 : 0, began && blame === 0 ? 1 : 0, began ? 1 : 0, seq);
    turn.ready.add(queue);
  }

  /** Ends all leases of a consumer now, so that others need not wait for them. The rows keep what had begun. */
  letGo(holder: Holder): void {
    this.#letGo.run(holder.no);
  }

  /** Puts all that a consumer holds back, as it was: nobody died. */
  giveBack(holder: Holder, turn: Turn): void {
    for (const row of this.#giveBackAll.all(holder.no)) turn.ready.add(row[0] as number);
    turn.after.push(() => holder.held.clear());
  }
}

function recordOf(head: string, member: Member | undefined, started: number, now: number): AttemptRecord {
  const message = decodeHead(head, new Uint8Array(0));
  const retries = "malformed" in message ? 0 : Number(message.headers["retries"] ?? 0);
  return {
    attempt: (Number.isSafeInteger(retries) ? retries : 0) + 1,
    worker: member?.worker ?? "",
    pid: member?.identity.pid,
    started,
    ended: now,
    exit: undefined,
    stderrTail: "",
    error: "worker lost",
  };
}
