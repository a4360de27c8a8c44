/** Rows that one relay has for itself until it finishes or gives them up. A relay that dies gives them up, too. */

import type { Clock } from "../clock/clock.ts";
import type { OutboxSql } from "./dialect.ts";
import type { Row } from "./query.ts";
import type { Session } from "./session.ts";

/** Of messages that are in memory at once. */
const byteLimit = 4 * 1024 * 1024;

export interface ClaimedRow {
  readonly seq: number;
  readonly message: string;
}

export interface Claim {
  /** The oldest first. */
  readonly rows: readonly ClaimedRow[];
  /** Removes what was sent, sets aside what never can be, gives up the rest. */
  finish(sent: readonly number[], aside: readonly { readonly seq: number; readonly why: string }[]): Promise<void>;
  /** Gives all of it up. */
  abandon(): Promise<void>;
}

export interface Claiming {
  readonly limit: number;
  /** Queues that take nothing just now. */
  readonly resting: readonly string[];
  /** Names this relay; for SQLite. */
  readonly holder: string;
  /** So long a claim is this relay's, ms; for SQLite. */
  readonly lease: number;
}

export function claimRows(session: Session, sql: OutboxSql, claiming: Claiming, clock: Clock): Promise<Claim> {
  return sql.dialect === "sqlite" ? holdRows(session, sql, claiming, clock) : lockRows(session, sql, claiming);
}

async function lockRows(session: Session, sql: OutboxSql, { limit, resting }: Claiming): Promise<Claim> {
  await session.runAll(sql.begin());
  const locked = await session.rows(sql.lock(limit, resting));
  const seqs: number[] = [];
  let bytes = 0;
  for (const row of locked) {
    if (seqs.length > 0 && bytes + Number(row["size"]) > byteLimit) break;
    bytes += Number(row["size"]);
    seqs.push(Number(row["seq"]));
  }
  const rows = seqs.length === 0 ? [] : (await session.rows(sql.read(seqs))).map(rowOf);
  const abandon = async (): Promise<void> => {
    await session.run({ sql: "ROLLBACK", params: [] });
  };
  if (rows.length === 0) await abandon();
  return {
    rows,
    abandon,
    async finish(sent, aside) {
      await conclude(session, sql, sent, aside, undefined);
      await session.run({ sql: "COMMIT", params: [] });
    },
  };
}

async function holdRows(
  session: Session,
  sql: OutboxSql,
  { limit, resting, holder, lease }: Claiming,
  clock: Clock,
): Promise<Claim> {
  const now = clock.now();
  const held = await session.rows(sql.hold(limit, byteLimit, resting, { holder, now, until: now + lease }));
  const rows = held.map(rowOf).toSorted((a, b) => a.seq - b.seq);
  const abandon = async (): Promise<void> => {
    await session.run(sql.letGo(holder));
  };
  return {
    rows,
    abandon,
    async finish(sent, aside) {
      await conclude(session, sql, sent, aside, holder);
      if (sent.length < rows.length) await abandon();
    },
  };
}

/** `holder`: whose marks the rows bear, where rows are marked and not locked. */
async function conclude(
  session: Session,
  sql: OutboxSql,
  sent: Parameters<Claim["finish"]>[0],
  aside: Parameters<Claim["finish"]>[1],
  holder: string | undefined,
): Promise<void> {
  if (sent.length > 0) await session.run(sql.remove(sent, holder));
  for (const { seq, why } of aside) await session.run(sql.setAside(seq, why, holder));
}

function rowOf(row: Row): ClaimedRow {
  return { seq: Number(row["seq"]), message: String(row["message"]) };
}
