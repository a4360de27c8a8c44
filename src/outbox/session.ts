/** A relay's own connection: one statement at a time, each with a limit. One that failed or did not answer is given back as broken. */

import { within } from "../app/deadline.ts";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Command, OutboxSql } from "./dialect.ts";
import { type OutboxConnection, type Row, rowsOf } from "./query.ts";

/** Longest wait for one answer of the user's database, ms. */
const patience = 30_000;

export type Connect = () => OutboxConnection | Promise<OutboxConnection>;

export class Session {
  readonly #connection: OutboxConnection;
  readonly #sql: OutboxSql;
  readonly #clock: Clock;

  private constructor(connection: OutboxConnection, sql: OutboxSql, clock: Clock) {
    this.#connection = connection;
    this.#sql = sql;
    this.#clock = clock;
  }

  /** `idle`: see `OutboxSql.prepare`. Rejects with what `connect` rejects with, or OUTBOX_SILENT. */
  static async open(connect: Connect, sql: OutboxSql, clock: Clock, idle: number): Promise<Session> {
    const connecting = Promise.resolve().then(connect);
    const connection = await timed(connecting, clock).catch((error: unknown) => {
      // One that comes too late must not stay with nobody.
      connecting.then((late) => late.close(error)).catch(() => {});
      throw error;
    });
    const session = new Session(connection, sql, clock);
    try {
      await session.runAll(sql.prepare(idle));
      return session;
    } catch (error) {
      await session.close(error);
      throw error;
    }
  }

  async run({ sql, params }: Command): Promise<unknown> {
    return timed(
      Promise.resolve().then(() => this.#connection.query(sql, params)),
      this.#clock,
    );
  }

  async rows(command: Command): Promise<readonly Row[]> {
    return rowsOf(await this.run(command));
  }

  async runAll(commands: readonly Command[]): Promise<void> {
    for (const command of commands) await this.run(command);
  }

  /** Never rejects: whoever closes goes on anyway. `broken`: what the connection failed with. */
  async close(broken?: unknown): Promise<void> {
    let reason = broken;
    if (reason === undefined) await this.runAll(this.#sql.restore()).catch((late: unknown) => (reason = late));
    const closing = Promise.resolve().then(() => this.#connection.close(reason));
    await timed(closing, this.#clock).catch(() => {});
  }
}

async function timed<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  const over = new AbortController();
  using _timer = clock.after(patience, () =>
    over.abort(
      new CeleriacError(
        "OUTBOX_SILENT",
        `The outbox's database has not answered within ${patience / 1000} s. The relay gives the connection up and takes another; nothing is lost.`,
      ),
    ),
  );
  return within(promise, over.signal);
}
