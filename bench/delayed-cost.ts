/** An idle worker beside a queue with nothing in it, and then beside as many tasks as wanted that wait for their time, a day off. */

import { setTimeout as sleep } from "node:timers/promises";
import { Actor } from "./actor.ts";
import { cpuOf } from "./process-cost.ts";
import { openServer } from "./server.ts";
import { optionsOf } from "./throughput.ts";

/** CPU in percent of a core; memory in MB, garbage collected. */
export interface DelayedCost {
  readonly cpuWithout: number;
  readonly rssWithout: number;
  readonly heapWithout: number;
  readonly cpu: number;
  readonly rss: number;
  readonly heap: number;
}

/** Leases, sweeps and heartbeats come every 2 to 10 s: several of each. */
const idleTime = 20_000;
const settling = 5_000;

export async function delayedCost(tasks: number): Promise<DelayedCost> {
  await using server = await openServer("redis");
  const options = optionsOf(server, { concurrency: 100, pool: "inline" });
  await using worker = await Actor.start("celeriac", ["--expose-gc"]);
  await using producer = await Actor.start("celeriac");
  await worker.tell({ do: "work", options });
  await producer.tell({ do: "produce", options });
  // The first collection compiles what it needs; and what a worker does only once is done. Each batch that is sent wakes it, and V8 compiles what then runs:
  // 1 MB after the first thousand times, which is none of the tasks that wait.
  await producer.tell({
    do: "send",
    how: "bulk",
    count: Math.ceil(tasks / 2),
    inFlight: 500,
    bytes: 100,
    delay: "24h",
  });
  await server.clear();
  await idle(worker, settling);
  const without = await idle(worker, idleTime);
  await producer.tell({ do: "send", how: "bulk", count: tasks, inFlight: 1000, bytes: 100, delay: "24h" });
  await idle(worker, settling);
  const { done = 0 } = await worker.tell({ do: "done" });
  if (done > 0) throw new Error("a delayed task ran at once: nothing was measured");
  const beside = await idle(worker, idleTime);
  return { ...beside, cpuWithout: without.cpu, rssWithout: without.rss, heapWithout: without.heap };
}

async function idle(worker: Actor, ms: number): Promise<Pick<DelayedCost, "cpu" | "rss" | "heap">> {
  await sleep(settling);
  const before = cpuOf(worker.pid);
  await sleep(ms);
  const cpu = ((cpuOf(worker.pid) - before) / ms) * 100;
  const { memory } = await worker.tell({ do: "memory" });
  if (memory === undefined) throw new Error("the worker did not tell what it holds");
  return { cpu, rss: memory.rss, heap: memory.heap };
}
