/**
 * Chords of no-op members, from the call that starts one to the result of its body at the caller: a large one, whose rate counts against
 * Celery's, and smaller ones, because what a member costs must not depend on how many there are.
 */

import { Actor } from "./actor.ts";
import { cpuOf } from "./process-cost.ts";
import type { Server } from "./server.ts";
import { inOneProcess, type Load, optionsOf, type Sample } from "./throughput.ts";

/** Members of the smaller ones; the largest has as many as a round has tasks. */
const smaller = [100, 1_000] as const;
/** Small ones are started so often, one after the other, that each round runs about as many members. */
const repeats: Readonly<Record<number, number>> = { 100: 20, 1_000: 4 };

export async function chord(server: Server, load: Load): Promise<Sample & Readonly<Record<string, number>>> {
  await server.clear();
  const options = optionsOf(server, load);
  await using worker = await Actor.start(load.system, load.flags.worker);
  await using apart = inOneProcess(server) ? undefined : await Actor.start(load.system, load.flags.producer);
  const producer = apart ?? worker;
  await worker.tell({ do: "work", options });
  await producer.tell({ do: "produce", options });
  await producer.tell({ do: "chord", members: Math.min(load.tasks, 5_000) });
  const figures: Record<string, number> = {};
  for (const members of smaller) {
    const times: number[] = [];
    for (let n = 0; n < (repeats[members] ?? 1); n++) times.push(await timed(producer, members));
    figures[`member${String(members)}`] = (times.reduce((sum, ms) => sum + ms, 0) / times.length / members) * 1000;
  }
  const pids = [...new Set([producer.pid, worker.pid, ...server.pids])];
  const before = pids.map(cpuOf);
  const ms = await timed(producer, load.tasks);
  const cpu = pids.reduce((sum, pid, at) => sum + cpuOf(pid) - (before[at] ?? 0), 0);
  return {
    tasksPerSecond: (load.tasks / ms) * 1000,
    ...figures,
    memberLarge: (ms / load.tasks) * 1000,
    cpu: cpu * (10_000 / load.tasks),
  };
}

async function timed(producer: Actor, members: number): Promise<number> {
  const { started = 0, ended = 0 } = await producer.tell({ do: "chord", members });
  return ended - started;
}
