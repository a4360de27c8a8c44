/**
 * One round of a size: workers with a backlog, measured between two moments at which all of them are busy. Counts and CPU are read at the same
 * moment, so it does not matter when exactly that is.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { claimScript } from "../src/driver/redis/script/claim.ts";
import { Actor } from "./actor.ts";
import type { Layout } from "./growth-axes.ts";
import { cpuOf } from "./process-cost.ts";
import { scriptTime } from "./script-time.ts";
import type { Server } from "./server.ts";
import { optionsOf } from "./throughput.ts";

/** CPU and times are microseconds of one task. */
export interface GrowthCost {
  readonly tasksPerSecond: number;
  readonly worker: number;
  readonly redis: number;
  readonly cpu: number;
  /** Of Redis: time inside the script that claims, by its own clock. */
  readonly claim: number;
}
export type GrowthFigure = keyof GrowthCost;

/** On a busy machine the measuring process may sleep while the workers run: more tasks outlast that. */
export class RoundTooShort extends Error {}

/** Between two looks at how far the workers are. */
const look = 10;
/** While claims are timed: of the measured tasks. */
const timedShare = 0.5;
const bulkSize = 1000;

export async function growthRound(server: Server, layout: Layout): Promise<GrowthCost> {
  await server.clear();
  const { tasks, warmup, backlog, bytes, slots } = layout;
  const base = { ...optionsOf(server, { concurrency: slots, pool: "inline" }), pool: "inline" as const };
  const options = layout.queues === undefined ? base : { ...base, queues: layout.queues };
  await using stack = new AsyncDisposableStack();
  const producer = stack.use(await Actor.start("celeriac"));
  await producer.tell({ do: "produce", options });
  const timed = Math.max(20, Math.round(tasks * timedShare));
  // Looks come late on a busy machine; what runs until then must be there, or waiting workers would be measured.
  const spare = Math.round(tasks * 0.2) + slots * layout.workers;
  const needed = warmup + tasks + timed + spare;
  const first = backlog ?? needed;
  const fill = { do: "send", how: "bulk", inFlight: Math.min(bulkSize, Math.ceil(4e6 / bytes)), bytes } as const;
  await producer.tell({ ...fill, count: first });
  const workers = await Promise.all(Array.from({ length: layout.workers }, () => Actor.start("celeriac")));
  for (const worker of workers) stack.use(worker);
  const done = async (): Promise<number> => {
    const replies = await Promise.all(workers.map((worker) => worker.tell({ do: "done" })));
    return replies.reduce((sum, reply) => sum + (reply.done ?? 0), 0);
  };
  const until = async (count: number): Promise<Moment> => {
    for (;;) {
      const now = await done();
      if (now >= count) return momentOf(now);
      await sleep(look);
    }
  };
  const momentOf = (count: number): Moment => ({
    at: performance.now(),
    count,
    worker: workers.reduce((sum, { pid }) => sum + cpuOf(pid), 0),
    redis: server.pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
  });
  const fed = backlog === undefined ? undefined : feed(producer, workers[0], fill, backlog, needed);
  await Promise.all(workers.map((worker) => worker.tell({ do: "work", options })));
  const from = await until(warmup);
  const to = await until(warmup + tasks);
  let [timedFrom, timedTo] = [0, 0];
  const claims = await scriptTime(server, claimScript, async () => {
    // Not the count of before: the slow log was set up meanwhile.
    timedFrom = await done();
    timedTo = (await until(Math.min(timedFrom + timed, needed))).count;
  });
  if (from.count >= to.count || timedFrom >= timedTo || claims.calls === 0)
    throw new RoundTooShort("the tasks were over before they could be measured; give a size more of them (--tasks)");
  await fed;
  const each = (figure: "worker" | "redis"): number => ((to[figure] - from[figure]) * 1000) / (to.count - from.count);
  return {
    tasksPerSecond: ((to.count - from.count) * 1000) / (to.at - from.at),
    worker: each("worker"),
    redis: each("redis"),
    cpu: each("worker") + each("redis"),
    claim: claims.micros / (timedTo - timedFrom),
  };
}

interface Moment {
  readonly at: number;
  readonly count: number;
  /** CPU ms since their start. */
  readonly worker: number;
  readonly redis: number;
}

type Fill = Omit<Extract<Parameters<Actor["tell"]>[0], { do: "send" }>, "count">;

/** Sends as many again as were completed, so that what waits stays the same to a quarter. */
async function feed(
  producer: Actor,
  worker: Actor | undefined,
  fill: Fill,
  backlog: number,
  needed: number,
): Promise<void> {
  const some = Math.min(bulkSize, Math.max(1, Math.floor(backlog / 4)));
  for (let completed = some; completed < needed; completed += some) {
    await worker?.tell({ do: "await", count: completed, pids: [] });
    await producer.tell({ ...fill, count: some });
  }
}
