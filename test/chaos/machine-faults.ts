/** What goes wrong with the machines that things run on: disks that are full, wall clocks that jump. */

import type { RedisServer } from "../server/redis-server.ts";
import type { SteppedClock } from "../server/clock-shim.ts";
import type { Random } from "./random.ts";
import type { SmallDisk } from "./small-disk.ts";

export type MachineFault = "full disk" | "full disk ends redis" | "worker clock jumps" | "redis clock jumps";

/** Each is absent where it cannot be had; its faults are then not drawn. */
export interface Machines {
  /** SQLite's file lies there, or the AOF of Redis. */
  readonly disk: SmallDisk | undefined;
  readonly workerClock: SteppedClock | undefined;
  readonly redisClock: SteppedClock | undefined;
}

export interface MachineStrike {
  readonly begin: () => Promise<unknown>;
  readonly lasts: number;
  readonly end: () => Promise<unknown>;
  /** Ms by which a clock is off meanwhile. */
  readonly by?: number;
  /** Ms after the end for which it still has its effect. */
  readonly settles?: number;
}

export const hour = 3_600_000;
/** Ms; Redis tries once a second to write what it could not. */
const heals = 10_000;

export function machineStrike(
  fault: MachineFault,
  { disk, workerClock, redisClock }: Machines,
  redis: RedisServer | undefined,
  lease: number,
  random: Random,
): MachineStrike {
  const lasts = random.between(500, 3000);
  const coin = random.next() < 0.5;
  const by = coin ? hour : -hour;
  switch (fault) {
    case "full disk":
      return {
        begin: async () => disk?.fill(coin),
        lasts,
        end: async () => {
          await disk?.free();
          if (redis) await rewritten(redis);
        },
      };
    case "full disk ends redis":
      // With `appendfsync always` it ends rather than answer what it could not write, as soon as somebody writes.
      return {
        begin: async () => {
          await redis?.cli("CONFIG", "SET", "appendfsync", "always");
          await disk?.fill(true);
        },
        lasts,
        end: async () => {
          await disk?.free();
          await redis?.restart();
        },
      };
    case "worker clock jumps":
      return step(workerClock, by, lease * random.between(0.5, 2), 0);
    case "redis clock jumps":
      // Workers that see the step give each other one lease to renew with the new time before they take anything.
      return step(redisClock, by, lease * random.between(0.5, 2), lease);
  }
}

function step(clock: SteppedClock | undefined, by: number, lasts: number, settles: number): MachineStrike {
  return { begin: async () => clock?.set(by), lasts, end: async () => clock?.set(0), by, settles };
}

/**
 * Until its file is sound again. Redis 7.0.15 cuts a write that came to a part only off again, but goes on writing behind it, in a file that a rewrite began:
 * what lies between is zeros, on which it does not start again. Only a file that is written anew has no such hole.
 */
async function rewritten(redis: RedisServer): Promise<void> {
  await said(redis, "aof_last_write_status:ok");
  await redis.cli("BGREWRITEAOF");
  await said(redis, "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok");
}

async function said(redis: RedisServer, ...states: readonly string[]): Promise<void> {
  const until = performance.now() + heals;
  while (performance.now() < until) {
    const info = await redis.cli("INFO", "persistence").catch(() => "");
    if (states.every((state) => info.includes(state))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Redis does not say ${states.join(", ")} though its disk has room`);
}
