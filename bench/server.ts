/** What the systems run on: a private redis-server, a fresh database file, or nothing; each run of each system gets an empty one. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../test/server/redis-server.ts";

export const brokers = ["memory", "sqlite", "sqlite-full", "redis", "redis-aof"] as const;
export type BrokerName = (typeof brokers)[number];

export interface Server extends AsyncDisposable {
  readonly address: string;
  readonly durable: boolean;
  /** Processes that work for the system and are not its own. */
  readonly pids: readonly number[];
  /** Commands that the server has run since `clear`, those inside scripts among them; `undefined` if it has none. */
  commands(): Promise<Readonly<Record<string, number>> | undefined>;
  /** Forgets data and counts. */
  clear(): Promise<void>;
}

/** Commands that set a connection up or that this benchmark itself sends; they do not grow with the tasks. */
const notOurs = new Set([
  "info",
  "config|resetstat",
  "flushall",
  "hello",
  "client|setinfo",
  "client|setname",
  "select",
]);

export async function openServer(broker: BrokerName): Promise<Server> {
  if (broker === "redis" || broker === "redis-aof") return redis(broker === "redis-aof");
  if (broker === "memory") return memory();
  return sqlite(broker === "sqlite-full");
}

async function redis(appendonly: boolean): Promise<Server> {
  const server = await startRedis({ appendonly });
  return {
    address: server.url,
    durable: appendonly,
    pids: [server.pid],
    async commands() {
      const text = await server.cli("info", "commandstats");
      const counts: Record<string, number> = {};
      for (const [, name = "", calls] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
        if (!notOurs.has(name)) counts[name] = Number(calls);
      }
      return counts;
    },
    async clear() {
      await server.cli("flushall");
      await server.cli("config", "resetstat");
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function sqlite(durable: boolean): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-bench-"));
  let files = 0;
  return {
    get address() {
      return join(folder, `queue-${files}.db`);
    },
    durable,
    pids: [],
    commands: async () => undefined,
    async clear() {
      const old = join(folder, `queue-${files++}.db`);
      for (const suffix of ["", "-wal", "-shm"]) await rm(`${old}${suffix}`, { force: true });
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function memory(): Promise<Server> {
  let worlds = 0;
  return {
    get address() {
      return `memory:bench-${worlds}`;
    },
    durable: false,
    pids: [],
    commands: async () => undefined,
    clear: async () => void worlds++,
    [Symbol.asyncDispose]: async () => {},
  };
}
