/**
 * How long Redis was inside one of the driver's scripts, by its own clock: its slow log with a threshold of zero has every command with its
 * duration and the script's hash. Commands counts know only that some script ran.
 */

import { Redis } from "ioredis";
import { Scripts } from "../src/driver/redis/script/script.ts";
import type { Script } from "../src/driver/redis/script/script.ts";
import type { Server } from "./server.ts";

/** Far more commands than a run of a second sends; Redis keeps their first 32 arguments, shortened. */
const most = 1_000_000;

export interface ScriptTime {
  readonly calls: number;
  readonly micros: number;
}

/** What ran while `during` did. Logging costs Redis something, so other figures are taken before. */
export async function scriptTime(server: Server, script: Script, during: () => Promise<unknown>): Promise<ScriptTime> {
  const { hostname, port } = new URL(server.address);
  const redis = new Redis({ host: hostname, port: Number(port) });
  try {
    await redis.config("SET", "slowlog-max-len", String(most));
    await redis.call("SLOWLOG", "RESET");
    await redis.config("SET", "slowlog-log-slower-than", "0");
    await during();
    await redis.config("SET", "slowlog-log-slower-than", "-1");
    const log = (await redis.call("SLOWLOG", "GET", "-1")) as readonly LogEntry[];
    if (log.length >= most) throw new Error(`more than ${most} commands: the slow log has not all of them`);
    return sumOf(log, new Scripts().shaOf(script));
  } finally {
    redis.disconnect();
  }
}

type LogEntry = readonly [id: number, at: number, micros: number, args: readonly string[], ...rest: unknown[]];

/**
 * Every call counts as the mean of the middle half of them: what took Redis' core away during some is in their durations, and would be most
 * of a sum on a busy machine.
 */
export function sumOf(log: readonly LogEntry[], sha: string): ScriptTime {
  const own = log
    .filter(([, , , args]) => /^evalsha$/i.test(args[0] ?? "") && args[1] === sha)
    .map(([, , micros]) => micros)
    .toSorted((one, other) => one - other);
  const edge = Math.floor(own.length / 4);
  const middle = own.slice(edge, own.length - edge);
  const each = middle.reduce((sum, micros) => sum + micros, 0) / Math.max(1, middle.length);
  return { calls: own.length, micros: each * own.length };
}
