/** A database of the user's own with an outbox in it, of each kind: what a test does in it, and how a relay gets at it. */

import { DatabaseSync } from "node:sqlite";
import { createConnection } from "mysql2/promise";
import { Client } from "pg";
import {
  type OutboxConnection,
  type OutboxDialect,
  outboxTable,
  type Query,
  type RelayEvent,
} from "../../../src/outbox/index.ts";

/** Where a relay's process finds it again: "sqlite:/file", "postgres://…", "mysql:port". */
export interface Place {
  readonly dialect: OutboxDialect;
  readonly address: string;
  /** One transaction; rolled back if `work` rejects. */
  transaction(work: (query: Query) => Promise<void>): Promise<void>;
  /** One statement of its own. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  connect(): Promise<OutboxConnection>;
  close(): Promise<void>;
}

export async function openPlace(address: string): Promise<Place> {
  const place = placeOf(address);
  for (const sql of [outboxTable(place.dialect), orders]) await place.rows(sql);
  return place;
}

/** Empty again, for the next test. */
export async function clearPlace(place: Place): Promise<void> {
  for (const table of ["orders", "celeriac_outbox"]) await place.rows(`DELETE FROM ${table}`);
}

const orders = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)";

export function placeOf(address: string): Place {
  if (address.startsWith("sqlite:")) return sqlite(address, address.slice("sqlite:".length));
  return address.startsWith("postgres:") ? postgres(address) : mysql(address, Number(address.slice("mysql:".length)));
}

function sqlite(address: string, path: string): Place {
  const open = (): DatabaseSync => {
    const db = new DatabaseSync(path, { timeout: 10_000 });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    return db;
  };
  const db = open();
  const query: Query = (sql, params) => db.prepare(sql).all(...params);
  return {
    dialect: "sqlite",
    address,
    async transaction(work) {
      db.exec("BEGIN IMMEDIATE");
      try {
        await work(query);
        db.exec("COMMIT");
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      }
    },
    rows: async (sql) => db.prepare(sql).all() as Record<string, unknown>[],
    async connect() {
      const own = open();
      return { query: (sql, params) => own.prepare(sql).all(...params), close: () => own.close() };
    },
    close: async () => db.close(),
  };
}

/** One connection, opened with the first statement and again after it broke. */
abstract class Server implements Place {
  abstract readonly dialect: OutboxDialect;
  readonly address: string;
  #own: Promise<OutboxConnection> | undefined;

  constructor(address: string) {
    this.address = address;
  }

  abstract connect(): Promise<OutboxConnection>;

  async transaction(work: (query: Query) => Promise<void>): Promise<void> {
    await this.rows("BEGIN");
    try {
      await work((await this.#connection()).query);
      await this.rows("COMMIT");
    } catch (error) {
      await this.rows("ROLLBACK");
      throw error;
    }
  }

  async rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const answer = (await (await this.#connection()).query(sql, [])) as { rows?: Record<string, unknown>[] };
    return answer.rows ?? (answer as Record<string, unknown>[]);
  }

  async close(): Promise<void> {
    await (await this.#own)?.close();
  }

  #connection(): Promise<OutboxConnection> {
    this.#own ??= this.connect();
    return this.#own;
  }
}

function postgres(address: string): Place {
  return new (class extends Server {
    readonly dialect = "postgres";
    async connect(): Promise<OutboxConnection> {
      const client = new Client({ connectionString: address });
      // A link that breaks between two statements is told by the next one.
      client.on("error", () => {});
      await client.connect();
      return { query: (sql, params) => client.query(sql, [...params]), close: () => client.end() };
    }
  })(address);
}

function mysql(address: string, port: number): Place {
  return new (class extends Server {
    readonly dialect = "mysql";
    async connect(): Promise<OutboxConnection> {
      const connection = await createConnection({ host: "127.0.0.1", port, user: "root", database: "test" });
      return {
        query: async (sql, params) => (await connection.query(sql, [...params]))[0],
        close: (error) => (error === undefined ? connection.end() : connection.destroy()),
      };
    }
  })(address);
}

/** Collects what a relay reports, and waits for a kind of it. */
export class Reports {
  readonly all: RelayEvent[] = [];
  #changed = Promise.withResolvers<void>();
  readonly take = (event: RelayEvent): void => {
    this.all.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  };

  async first<T extends RelayEvent["type"]>(type: T): Promise<Extract<RelayEvent, { type: T }>> {
    for (;;) {
      const found = this.all.find((event): event is Extract<RelayEvent, { type: T }> => event.type === type);
      if (found !== undefined) return found;
      await this.#changed.promise;
    }
  }
}
