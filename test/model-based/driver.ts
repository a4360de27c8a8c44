/**
 * A driver as the model tests see it: clients that can be frozen, and time that passes at a word. Nothing here waits for a lease or a moment to
 * come: what the server has noted of them is moved back instead, which is what it would see had the time passed.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import { systemClock } from "../../src/clock/clock.ts";
import { MemoryBackend } from "../../src/driver/memory/backend.ts";
import { MemoryServer } from "../../src/driver/memory/server.ts";
import { open as openRedis } from "../../src/driver/redis/index.ts";
import { open as openSqlite } from "../../src/driver/sqlite/index.ts";
import type { Delivery } from "../../src/port/broker.ts";
import { never } from "../../src/testing/conformance/rig.ts";
import { type OpenClient, stoppableClock } from "../../src/testing/conformance/suite-server.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { startRedis } from "../server/redis-server.ts";

/** A client, without the ways to die that the conformance suites know: who is frozen until his leases have ended is dead to all others. */
export type ModelClient = Pick<OpenClient, "broker" | "store" | "close"> &
  Required<Pick<OpenClient, "freeze" | "thaw">>;

export interface Driver {
  readonly name: string;
  /** Of consumers. Long where time is real: no lease ends by itself. */
  readonly lease: number;
  readonly sweep: number;
  /** Due moments and dedupe windows end within this, and only by `elapse`: a run takes far less. */
  readonly horizon: number;
  now(): number;
  open(): Promise<ModelClient>;
  /** So much time passes for leases that nobody renews. */
  endLeases(deliveries: readonly Delivery[]): Promise<void>;
  /** So much time passes for what is delayed, for dedupe windows and for what is kept; the living go on renewing. */
  elapse(ms: number): Promise<void>;
  /** Time enough for two moments to be told apart. */
  tick(): Promise<void>;
  /** Lets what was set going have its turn. */
  turn(): Promise<void>;
  /** Forgets everything but the clients. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const settings = { maxMessageBytes: 1e6, maxDepth: 0, commandTimeout: 30_000, allowEviction: false, keyPrefix: "" };
const longLease = 600_000;
const shortSweep = 10;
const longHorizon = 10_000_000;

/** The model: all in this thread and on a clock that stands still. A fresh one for each run. */
export function memoryDriver(): Driver {
  const clock = new VirtualClock();
  const server = new MemoryServer(clock);
  const [lease, sweep] = [300, 100];
  return {
    name: "memory",
    lease,
    sweep,
    horizon: 40_000,
    now: () => clock.now(),
    async open() {
      const own = stoppableClock(clock);
      const backend = new MemoryBackend(server, { url: new URL("memory:"), clock: own, ...settings });
      await backend.open(never);
      return Object.assign(backend, { freeze: async () => own.stop(), thaw: async () => own.go() });
    },
    endLeases: () => clock.advance(lease + sweep),
    elapse: (ms) => clock.advance(ms),
    tick: () => clock.advance(3),
    turn: () => clock.advance(0),
    reset: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

export async function sqliteDriver(): Promise<Driver> {
  const directory = mkdtempSync(join(tmpdir(), "celeriac-model-"));
  const path = join(directory, "queue.db");
  const clients: ModelClient[] = [];
  let direct: DatabaseSync | undefined;
  const db = (): DatabaseSync => (direct ??= new DatabaseSync(path, { timeout: 30_000 }));
  return {
    name: "sqlite",
    lease: longLease,
    sweep: shortSweep,
    horizon: longHorizon,
    now: () => systemClock.now(),
    async open() {
      const clock = stoppableClock(systemClock);
      // On this thread, where a client can be frozen.
      const backend = openSqlite({
        url: new URL(`sqlite://${path}?thread=false&durability=process`),
        clock,
        ...settings,
      });
      await backend.open(never);
      const client = { ...backend, freeze: async () => clock.stop(), thaw: async () => clock.go() };
      clients.push(client);
      return client;
    },
    async endLeases(deliveries) {
      const end = db().prepare("UPDATE celeriac_task SET lease = 1 WHERE fence = ? AND id = ? AND state = 2");
      db().exec("BEGIN IMMEDIATE");
      for (const { fence, message } of deliveries)
        if (!("malformed" in message)) end.run(fence, String(message.headers["id"]));
      db().exec("COMMIT");
    },
    async elapse(ms) {
      db().exec(`BEGIN IMMEDIATE;
        UPDATE celeriac_task SET due = due - ${ms} WHERE state = 1;
        UPDATE celeriac_seen SET until = until - ${ms};
        UPDATE celeriac_result SET until = until - ${ms};
        UPDATE celeriac_point SET until = until - ${ms};
        COMMIT`);
    },
    tick: () => systemClock.sleep(3, never),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    async reset() {
      const names = db().prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'celeriac_%' AND name NOT IN ('celeriac_meta', 'celeriac_process', 'celeriac_idle')",
      );
      const tables = names.all().map(({ name }) => String(name));
      db().exec(
        `BEGIN IMMEDIATE; ${tables.map((name) => (name === "celeriac_queue" ? "UPDATE celeriac_queue SET paused = 0" : `DELETE FROM ${name}`)).join("; ")}; COMMIT`,
      );
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
      direct?.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function redisDriver(): Promise<Driver> {
  const server = await startRedis();
  const direct = new Redis(server.url);
  const clients: ModelClient[] = [];
  const script = `
    for _, key in ipairs(redis.call('KEYS', '*')) do
      if key:find('^celeriac:due:') then
        for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ARGV[1], id) end
      elseif key:find('^celeriac:seen:') or key:find('^celeriac:cp:') or key:find('^celery%-task%-meta%-') then
        local left = redis.call('PTTL', key)
        if left > 0 then redis.call('PEXPIRE', key, math.max(left - ARGV[1], 0)) end
      end
    end`;
  return {
    name: "redis",
    lease: longLease,
    sweep: shortSweep,
    horizon: longHorizon,
    now: () => systemClock.now(),
    async open() {
      const clock = stoppableClock(systemClock);
      const backend = openRedis({ url: new URL(server.url), clock, ...settings });
      await backend.open(never);
      const client: ModelClient = {
        broker: backend.broker,
        store: backend.store,
        close: () => backend.close(),
        freeze: async () => clock.stop(),
        thaw: async () => clock.go(),
      };
      clients.push(client);
      return client;
    },
    async endLeases(deliveries) {
      // All of a queue at once, as claims of one moment end: a sweep between two of them would change their order.
      const fences = new Set(deliveries.map(({ fence }) => String(fence)));
      for (const key of new Set(deliveries.map(({ queue }) => `celeriac:lease:${queue}`))) {
        const ids = (await direct.zrange(key, "0", "-1")).filter((id) => fences.has(id.slice(0, id.indexOf("."))));
        if (ids.length > 0) await direct.call("ZADD", key, "XX", ...ids.flatMap((id) => ["1", id]));
      }
    },
    async elapse(ms) {
      await direct.eval(script, "0", String(ms));
    },
    tick: () => systemClock.sleep(3, never),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    async reset() {
      await direct.flushall();
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
      direct.disconnect();
      await server.stop();
    },
  };
}
