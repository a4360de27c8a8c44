/** What a worker costs when nothing happens, and whether it grows: idle CPU and memory, memory after many tasks. */

import { setTimeout as sleep } from "node:timers/promises";
import { Actor } from "./actor.ts";
import { cpuOf, rssOf } from "./process-cost.ts";
import type { Server } from "./server.ts";
import { inOneProcess, type Load, optionsOf } from "./throughput.ts";

export interface Upkeep {
  /** Percent of one core, of the worker and what it started, while nothing is enqueued. */
  readonly idleCpu: number;
  /** MB, the same processes: at rest after the start, and after the tasks. */
  readonly rssIdle: number;
  readonly rssEnd: number;
  /** MB, after the tasks, of the server; 0 where there is none. */
  readonly serverRss: number;
}

/** Leases are renewed and sweeps made every 5 to 10 s: several of each. */
const idleTime = 12_000;
/** Timers of the start are over by then. */
const settleTime = 2000;

export async function upkeep(server: Server, load: Load, tasks: number): Promise<Upkeep> {
  await server.clear();
  const options = optionsOf(server, load);
  await using worker = await Actor.start(load.system, load.flags.worker);
  await worker.tell({ do: "work", options });
  await sleep(settleTime);
  const before = cpuOf(worker.pid);
  await sleep(idleTime);
  const rssIdle = rssOf(worker.pid);
  const idleCpu = ((cpuOf(worker.pid) - before) / idleTime) * 100;
  const producer = inOneProcess(server) ? worker : await Actor.start(load.system);
  try {
    await producer.tell({ do: "produce", options });
    const last = worker.tell({ do: "await", count: tasks, pids: [] });
    await producer.tell({ do: "send", how: "single", count: tasks, inFlight: load.inFlight, bytes: load.bytes });
    await last;
    await sleep(settleTime);
    const serverRss = server.pids.reduce((sum, pid) => sum + rssOf(pid), 0);
    return { idleCpu, rssIdle, rssEnd: rssOf(worker.pid), serverRss };
  } finally {
    if (producer !== worker) await producer.end();
  }
}
