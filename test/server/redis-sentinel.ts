/**
 * A private Redis Sentinel set-up: a master, a replica, and one sentinel that alone may decide. Own ports on 127.0.0.1, own directories,
 * each process ended by its pid. A dead master is given up after `downAfter`.
 */

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { end } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import { eventually } from "./redis-backend.ts";
import { startRedis, type RedisServer, type RedisServerOptions } from "./redis-server.ts";

export interface SentinelSetUp {
  readonly port: number;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Runs redis-cli against the sentinel. */
  ask(...args: readonly string[]): Promise<string>;
  /** Resolves when the replica has everything that the master was told. */
  replicated(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SentinelOptions {
  readonly name: string;
  /** Of the sentinel itself. */
  readonly sentinelPassword?: string;
  /** Of master and replica. */
  readonly password?: string;
}

/** Milliseconds of silence after which a master counts as dead. */
const downAfter = 3_000;

export async function startSentinel(options: SentinelOptions): Promise<SentinelSetUp> {
  const { name, password, sentinelPassword } = options;
  const both: RedisServerOptions = {
    appendonly: true,
    ...(password !== undefined && { password }),
    // By default a replica waits five seconds for others that may want the same first copy.
    config: { "repl-diskless-sync-delay": "0", ...(password !== undefined && { masterauth: password }) },
  };
  const [master, replica] = await Promise.all([startRedis(both), startRedis(both)]);
  await replica.cli("replicaof", "127.0.0.1", String(master.port));
  const dir = await mkdtemp(join(tmpdir(), "celeriac-sentinel-"));
  const port = await freePort();
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    `dir ${dir}`,
    `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
    `sentinel down-after-milliseconds ${name} ${downAfter}`,
    `sentinel failover-timeout ${name} 5000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
    ...(sentinelPassword === undefined ? [] : [`requirepass ${sentinelPassword}`]),
  ];
  const file = join(dir, "sentinel.conf");
  await writeFile(file, `${lines.join("\n")}\n`);
  const child = spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" });
  const env = { ...process.env, ...(sentinelPassword !== undefined && { REDISCLI_AUTH: sentinelPassword }) };
  const ask = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)("redis-cli", ["-h", "127.0.0.1", "-p", String(port), ...args], {
      env,
    });
    return stdout.trimEnd();
  };
  const setUp: SentinelSetUp = {
    port,
    master,
    replica,
    ask,
    async replicated() {
      const offset = async (server: RedisServer, field: string): Promise<string | undefined> =>
        new RegExp(`${field}:(\\d+)`).exec(await server.cli("info", "replication"))?.[1];
      await eventually("the replica", async () => {
        const there = await offset(master, "master_repl_offset");
        return there !== undefined && there === (await offset(replica, "slave_repl_offset"));
      });
    },
    async [Symbol.asyncDispose]() {
      await end(child);
      await Promise.all([master.stop(), replica.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    // It learns of replicas from the master, every ten seconds and once at the start: without one there is no fail-over.
    const knows = async (): Promise<boolean> =>
      (await ask("sentinel", "replicas", name).catch(() => "it has not begun to listen")).includes("slave");
    await eventually("the sentinel", knows);
    await eventually("the link", async () => (await replica.cli("info", "replication")).includes("link_status:up"));
  } catch (error) {
    await setUp[Symbol.asyncDispose]();
    throw error;
  }
  return setUp;
}
