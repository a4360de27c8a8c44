/** What the systems run on: private servers, a fresh database file, or nothing; each run of each system gets an empty one. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRabbit } from "../test/server/rabbitmq-server.ts";
import { startRedis } from "../test/server/redis-server.ts";

export const brokers = ["memory", "sqlite", "sqlite-full", "redis", "redis-aof", "rabbitmq", "rabbitmq-rpc"] as const;
export type BrokerName = (typeof brokers)[number];

export interface Server extends AsyncDisposable {
  readonly address: string;
  /** Where results go, if not with the messages. */
  readonly results: string | undefined;
  readonly durable: boolean;
  /** Processes that work for the system and are not its own. */
  readonly pids: readonly number[];
  /** Commands that the Redis among the servers has run since `clear`, those inside scripts among them; `undefined` without one. */
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
  if (broker === "rabbitmq" || broker === "rabbitmq-rpc") return rabbitmq(broker === "rabbitmq");
  if (broker === "memory") return memory();
  return sqlite(broker === "sqlite-full");
}

async function redis(appendonly: boolean): Promise<Server> {
  const server = await startRedis({ appendonly });
  return {
    address: server.url,
    results: undefined,
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

/** Results on a Redis beside it, or sent to who asked. Each system gets a virtual host of its own. */
async function rabbitmq(withRedis: boolean): Promise<Server> {
  const server = await startRabbit();
  const store = withRedis ? await redis(false) : undefined;
  const host = `127.0.0.1:${server.port}`;
  let hosts = 0;
  return {
    get address() {
      return `amqp://guest:guest@${host}/bench-${hosts}`;
    },
    results: store?.address ?? "rpc://",
    durable: true,
    pids: [server.pid, ...(store?.pids ?? [])],
    commands: async () => store?.commands(),
    async clear() {
      if (hosts > 0) await server.ctl("delete_vhost", `bench-${hosts}`);
      await server.ctl("add_vhost", `bench-${++hosts}`);
      await server.ctl("set_permissions", "-p", `bench-${hosts}`, "guest", ".*", ".*", ".*");
      await store?.clear();
    },
    async [Symbol.asyncDispose]() {
      await store?.[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

async function sqlite(durable: boolean): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-bench-"));
  let files = 0;
  return {
    get address() {
      return join(folder, `queue-${files}.db`);
    },
    results: undefined,
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
    results: undefined,
    durable: false,
    pids: [],
    commands: async () => undefined,
    clear: async () => void worlds++,
    [Symbol.asyncDispose]: async () => {},
  };
}
