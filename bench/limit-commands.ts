/**
 * The least that a task needs of Redis, as plain commands: what the driver's scripts run for each task of a batch. `redis-benchmark` sends
 * them by the hundred on one connection, which is as a batch of a hundred goes; what it reaches is the limit that scripts can be held against.
 */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cpuOf } from "./process-cost.ts";
import type { Server } from "./server.ts";

/** An envelope with 100 bytes of payload; a stored result with its id. */
const message = "x".repeat(650);
const result = "x".repeat(160);
const id = "bench-__rand_int__";

/** In the order in which they can run: RPOP needs what LPUSH left. */
export const limitCommands: Readonly<Record<"enqueue" | "run", readonly (readonly string[])[]>> = {
  enqueue: [
    ["SET", `seen:${id}`, "1", "NX", "PX", "600000"],
    ["LPUSH", "queue", message],
  ],
  run: [
    ["RPOP", "queue"],
    ["HSET", "unacked", id, message],
    ["ZADD", "index", "1800000000", id],
    ["ZADD", "lease", "1800000000000", id],
    ["HSET", "started", id, "claimed|worker"],
    ["SET", `meta:${id}`, result, "NX", "PX", "86400000"],
    ["PUBLISH", "meta", result],
    ["ZREM", "index", id],
    ["ZREM", "lease", id],
    ["HDEL", "unacked", id],
    ["HDEL", "started", id],
  ],
};

/** Microseconds for one command of each, one after the other: of the clock, and of Redis' CPU. */
export interface Limit {
  readonly wall: number;
  readonly cpu: number;
}

export const pipelined = 100;

export async function limitOf(server: Server, commands: readonly (readonly string[])[], count: number): Promise<Limit> {
  const cpu = (): number => server.pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
  let wall = 0;
  const before = cpu();
  for (const command of commands) wall += 1e6 / (await commandRate(server, command, count));
  return { wall, cpu: ((cpu() - before) * 1000) / count };
}

async function commandRate(server: Server, command: readonly string[], count: number): Promise<number> {
  const { port } = new URL(server.address);
  const how = ["-p", port, "-c", "1", "-P", String(pipelined), "-n", String(count), "-r", String(count), "--csv"];
  const { stdout } = await promisify(execFile)("redis-benchmark", [...how, ...command]);
  return rateFrom(stdout);
}

/** The second field of the last line: `"RPOP queue","1250000.00","0.071",…`. */
export function rateFrom(csv: string): number {
  const rate = Number(/^"[^]*?","([\d.]+)"/.exec(csv.trim().split("\n").at(-1) ?? "")?.[1]);
  if (!(rate > 0)) throw new Error(`redis-benchmark said no rate: ${csv.slice(0, 200)}`);
  return rate;
}
