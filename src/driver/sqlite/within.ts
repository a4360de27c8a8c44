/**
 * Publishing on the user's connection, inside the transaction that he has open: his rows and our messages are committed together or not
 * at all. Opens no connection of its own, begins and ends nothing, and tells idle consumers when it sees that the transaction is over.
 */

import { realpathSync, statSync } from "node:fs";
import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Outgoing, Published } from "../../port/broker.ts";
import type { OpenJoin } from "../../port/joins.ts";
import type { Transactional } from "../../port/within.ts";
import { encodeHead } from "../../wire/envelope.ts";
import { ringBell } from "./bell.ts";
import { refusedFull } from "./broker.ts";
import type { PublishLimits } from "./broker.ts";
import { CallRows } from "./call-rows.ts";
import { published } from "./exchange.ts";
import { identify, monotonic } from "./host.ts";
import { Joining } from "./joining.ts";
import { LineOrder } from "./line-order.ts";
import { Parcel, Unpacked } from "./parcel.ts";
import { ProcessTable } from "./process-table.ts";
import { Publishing } from "./publishing.ts";
import { QueueNames } from "./queue-names.ts";
import { Quota } from "./quota.ts";
import { hasTables, makeTables } from "./tables.ts";
import { newTurn, type Turn } from "./turn.ts";
import type { UserSql } from "./user-sql.ts";

export interface WithinOptions extends PublishLimits {
  readonly path: string;
  readonly embed: boolean;
  readonly clock: Clock;
}

const lastTable = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'celeriac_turn'";
/** Looks whether a transaction is over, ms; the workers' own look at the file comes every 100. */
const looks = [1, 2, 5, 10, 20, 50] as const;

export class Within implements Transactional {
  readonly #sql: UserSql;
  readonly #options: WithinOptions;
  readonly #names: QueueNames;
  readonly #publishing: Publishing;
  readonly #joining: Joining;
  readonly #processes: ProcessTable;
  /** To ring when the transaction is over. */
  readonly #bells = new Set<string>();

  /** Makes the tables where they are missing. Throws DATABASE_DIFFERS, DATABASE_FOREIGN, DATABASE_VERSION. */
  constructor(sql: UserSql, options: WithinOptions) {
    const { path, embed, maxDepth, maxSize } = options;
    checkFile(sql, path);
    // A file that an older version made lacks the tables that came later.
    if (!hasTables(sql, path, embed) || sql.prepare(lastTable).get() === undefined) {
      if (sql.inTransaction) throw tooLate(path);
      sql.exec("PRAGMA main.journal_mode = WAL");
      makeTables(sql, path, embed);
    }
    this.#sql = sql;
    this.#options = options;
    this.#names = new QueueNames(sql);
    const quota = new Quota(sql, maxSize);
    this.#publishing = new Publishing(sql, this.#names, new LineOrder(sql), new CallRows(sql), { maxDepth, quota });
    this.#joining = new Joining(sql);
    this.#processes = new ProcessTable(sql, identify());
  }

  publish(batch: readonly Outgoing[], joins: readonly OpenJoin[]): readonly Published[] {
    if (!this.#sql.inTransaction) throw noTransaction();
    const turn = newTurn(this.#options.clock.now(), monotonic());
    // What was known of queues may have been rolled back since.
    this.#names.forget();
    this.#publishing.forget();
    this.#sql.exec("SAVEPOINT celeriac_within");
    let answers: readonly Published[];
    try {
      answers = this.#store(batch, joins, turn);
      if (answers.some(({ kind }) => kind === "refused")) this.#sql.exec("ROLLBACK TO celeriac_within");
      else this.#wake(turn);
    } catch (error) {
      // After some errors SQLite has rolled the whole transaction back.
      if (this.#sql.inTransaction) this.#sql.exec("ROLLBACK TO celeriac_within; RELEASE celeriac_within");
      throw error;
    }
    this.#sql.exec("RELEASE celeriac_within");
    return answers;
  }

  #store(batch: readonly Outgoing[], joins: readonly OpenJoin[], turn: Turn): readonly Published[] {
    const { maxMessageBytes } = this.#options;
    for (const join of joins) this.#joining.open(join, turn);
    return batch.map((outgoing): Published => {
      const head = encodeHead(outgoing.message);
      const size = head.length + outgoing.message.body.length;
      if (size > maxMessageBytes) {
        const detail = `the message has ${size} bytes, ${maxMessageBytes} are allowed`;
        return { kind: "refused", reason: "too-large", detail };
      }
      const parcel = new Parcel();
      parcel.addOutgoing(outgoing, head);
      const answer = this.#publishing.publish(new Unpacked(parcel.wrap()), 0, 1, turn);
      const one = typeof answer === "number" ? answer : answer[0];
      if (typeof one === "object") return one;
      switch (one) {
        case published.accepted:
          return { kind: "accepted" };
        case published.duplicate:
          return { kind: "duplicate" };
        default:
          return refusedFull(outgoing.queue, one ?? published.full, this.#options);
      }
    });
  }

  /** Takes the notes of idle consumers in the transaction; a rollback puts them back. */
  #wake(turn: Turn): void {
    const before = this.#bells.size;
    for (const queue of turn.ready) {
      const woken = this.#processes.wakeOne(queue);
      if (woken !== undefined) this.#bells.add(woken.bell);
    }
    if (before === 0 && this.#bells.size > 0) setImmediate(() => this.#ringSoon(0));
  }

  #ringSoon(turn: number): void {
    if (this.#isOpen()) {
      this.#options.clock.after(looks[Math.min(turn, looks.length - 1)] ?? 1, () => this.#ringSoon(turn + 1));
      return;
    }
    for (const bell of this.#bells) ringBell(this.#options.path, bell);
    this.#bells.clear();
  }

  #isOpen(): boolean {
    try {
      return this.#sql.inTransaction;
    } catch {
      // The connection was closed, and with it the transaction.
      return false;
    }
  }
}

/** SQLite commits several files in one step only without a write-ahead log, so the queue must lie in the connection's own file. */
function checkFile(sql: UserSql, path: string): void {
  const files = sql.prepare("PRAGMA database_list").all();
  const fileOf = (name: string): string => String(files.find(([, each]) => each === name)?.[2] ?? "");
  const main = fileOf("main");
  if (main !== "" && sameFile(main, path)) return;
  const attached = files.find(([, name, file]) => name !== "main" && name !== "temp" && sameFile(String(file), path));
  const why =
    attached === undefined
      ? `it is open on ${main === "" ? "a database in memory" : main}`
      : `it is open on ${main}, and has the queue attached as "${String(attached[1])}"; SQLite does not commit two files in one step`;
  throw new CeleriacError(
    "DATABASE_DIFFERS",
    `This connection cannot take messages of the broker ${path}: ${why}. Keep the queue in your own file (broker: "sqlite:${main === "" ? "shop.db" : main}?embed"), or use an outbox.`,
    { details: { path, main } },
  );
}

function sameFile(one: string, other: string): boolean {
  if (one === "") return false;
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  if (a === undefined || b === undefined) return false;
  return a.dev === b.dev && a.ino === b.ino && realpathSync(one) === realpathSync(other);
}

function noTransaction(): CeleriacError {
  return new CeleriacError(
    "NOT_IN_TRANSACTION",
    "This connection has no transaction open, so nothing would bind the task to your rows. Begin one first, or send with app.enqueue.",
  );
}

function tooLate(path: string): CeleriacError {
  return new CeleriacError(
    "NOT_IN_TRANSACTION",
    `${path} has no tables of ours yet, and a transaction is open on this connection. Call app.within once when your process starts.`,
    { details: { path } },
  );
}
