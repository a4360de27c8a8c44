/** Tasks a second and what they cost: enqueueing, consuming a backlog, and both at once. Each call is one round of one system. */

import { Actor } from "./actor.ts";
import type { Reply } from "./orders.ts";
import { cpuOf, rssOf } from "./process-cost.ts";
import type { Server } from "./server.ts";
import type { SystemOptions } from "./system/system.ts";

export interface Load {
  readonly system: string;
  readonly pool: "inline" | "process";
  readonly concurrency: number;
  readonly tasks: number;
  /** Run before anything is measured. A cold JIT halves the first thousands. */
  readonly warmup: number;
  readonly inFlight: number;
  readonly bulkSize: number;
  readonly bytes: number;
  /** Flags of node for the measured processes, such as `--cpu-prof`. */
  readonly flags: { readonly producer: readonly string[]; readonly worker: readonly string[] };
}

/** So many tasks of 100 bytes, as many again before them, handlers in the worker's own process. */
export function plainLoad(tasks: number): Load {
  return {
    system: "celeriac",
    pool: "inline",
    concurrency: 100,
    tasks,
    warmup: tasks,
    inFlight: 500,
    bulkSize: 1000,
    bytes: 100,
    flags: { producer: [], worker: [] },
  };
}

/** CPU is milliseconds for 10 000 tasks. A figure that a system does not have is absent. */
export type Sample = Readonly<Partial<Record<Figure | CommandFigure, number>>>;
export type Figure =
  | "tasksPerSecond"
  | "producerCpu"
  | "workerCpu"
  | "serverCpu"
  | "cpu"
  | "commandsPerTask"
  | "rssIdle"
  | "rssEnd";
/** How often the server ran this command for a task. */
type CommandFigure = `cmd.${string}`;

/** Producer alone: calls until the server has the task. */
export async function enqueue(server: Server, load: Load, how: "single" | "bulk"): Promise<Sample> {
  await server.clear();
  await using producer = await Actor.start(load.system, load.flags.producer);
  await producer.tell({ do: "produce", options: optionsOf(server, load) });
  const inFlight = how === "single" ? load.inFlight : load.bulkSize;
  await producer.tell({ do: "send", how, count: load.warmup, inFlight, bytes: load.bytes });
  const before = await spent(server, producer.pid);
  const sent = await producer.tell({ do: "send", how, count: load.tasks, inFlight, bytes: load.bytes });
  const after = await spent(server, producer.pid);
  const per10k = 10_000 / load.tasks;
  return {
    tasksPerSecond: rate(load.tasks, sent.started, sent.ended),
    producerCpu: (after.own - before.own) * per10k,
    ...serverFigures(before, after, load.tasks),
    cpu: (after.own - before.own + after.server - before.server) * per10k,
  };
}

/** A backlog and one worker: from the end of the warm-up's share to the last task, as the system reports completion. */
export async function consume(server: Server, load: Load): Promise<Sample> {
  await server.clear();
  const options = optionsOf(server, load);
  const count = load.warmup + load.tasks;
  const worker = await Actor.start(load.system, load.flags.worker);
  const producer = inOneProcess(server) ? worker : await Actor.start(load.system);
  try {
    await producer.tell({ do: "produce", options });
    await producer.tell({ do: "send", how: "bulk", count, inFlight: load.bulkSize, bytes: load.bytes });
    if (producer !== worker) await producer.end();
    const pids = [worker.pid, ...server.pids];
    const rssIdle = rssOf(worker.pid);
    // Asked for before it works: plainjob's process answers nothing while it has jobs.
    const warm = worker.tell({ do: "await", count: load.warmup, pids });
    const last = worker.tell({ do: "await", count, pids });
    const open = worker.tell({ do: "work", options });
    const [first, ended] = await Promise.all([warm, last, open]);
    const [workerCpu, serverCpu] = cpuBetween(first, ended, 10_000 / load.tasks);
    return {
      tasksPerSecond: rate(load.tasks, first.ended, ended.ended),
      workerCpu,
      ...(server.pids.length > 0 && { serverCpu }),
      cpu: workerCpu + serverCpu,
      rssIdle,
      rssEnd: rssOf(worker.pid),
    };
  } finally {
    await worker.end();
  }
}

/** Producer and worker at once, single calls in flight: from the first call to the last completion. */
export async function endToEnd(server: Server, load: Load): Promise<Sample> {
  await server.clear();
  const options = optionsOf(server, load);
  await using worker = await Actor.start(load.system, load.flags.worker);
  const producer = inOneProcess(server) ? worker : await Actor.start(load.system, load.flags.producer);
  try {
    const warm = worker.tell({ do: "await", count: load.warmup, pids: [] });
    await worker.tell({ do: "work", options });
    await producer.tell({ do: "produce", options });
    const rssIdle = rssOf(worker.pid);
    const send = { do: "send", how: "single", inFlight: load.inFlight, bytes: load.bytes } as const;
    await producer.tell({ ...send, count: load.warmup });
    await warm;
    const mine = inOneProcess(server) ? 0 : producer.pid;
    const before = await spent(server, worker.pid);
    const producerBefore = mine === 0 ? 0 : cpuOf(mine);
    const last = worker.tell({ do: "await", count: load.warmup + load.tasks, pids: [] });
    const sent = await producer.tell({ ...send, count: load.tasks });
    const ended = await last;
    const after = await spent(server, worker.pid);
    const per10k = 10_000 / load.tasks;
    const producerCpu = mine === 0 ? 0 : (cpuOf(mine) - producerBefore) * per10k;
    const workerCpu = (after.own - before.own) * per10k;
    return {
      tasksPerSecond: rate(load.tasks, sent.started, ended.ended),
      ...(mine !== 0 && { producerCpu }),
      workerCpu,
      ...serverFigures(before, after, load.tasks),
      cpu: producerCpu + workerCpu + (after.server - before.server) * per10k,
      rssIdle,
      rssEnd: rssOf(worker.pid),
    };
  } finally {
    if (producer !== worker) await producer.end();
  }
}

export function optionsOf(server: Server, load: Pick<Load, "concurrency" | "pool">): SystemOptions {
  const { address, results, durable } = server;
  return { address, results, durable, concurrency: load.concurrency, pool: load.pool };
}

/** The memory broker is reached from its own process alone. */
export const inOneProcess = (server: Server): boolean => server.address.startsWith("memory:");

interface Spent {
  readonly own: number;
  readonly server: number;
  readonly commands: Readonly<Record<string, number>> | undefined;
}

async function spent(server: Server, pid: number): Promise<Spent> {
  return {
    commands: await server.commands(),
    own: cpuOf(pid),
    server: server.pids.reduce((sum, each) => sum + cpuOf(each), 0),
  };
}

function serverFigures(before: Spent, after: Spent, tasks: number): Sample {
  const serverCpu = ((after.server - before.server) * 10_000) / tasks;
  if (before.commands === undefined || after.commands === undefined) return serverCpu > 0 ? { serverCpu } : {};
  const figures: Record<CommandFigure, number> = {};
  let all = 0;
  for (const [name, calls] of Object.entries(after.commands)) {
    const perTask = (calls - (before.commands[name] ?? 0)) / tasks;
    all += perTask;
    if (perTask >= 0.005) figures[`cmd.${name}`] = perTask;
  }
  return { serverCpu, commandsPerTask: all, ...figures };
}

function cpuBetween(before: Reply, after: Reply, factor: number): [worker: number, server: number] {
  const [worker = 0, ...servers] = (after.cpu ?? []).map((ms, at) => (ms - (before.cpu?.[at] ?? 0)) * factor);
  return [worker, servers.reduce((sum, ms) => sum + ms, 0)];
}

function rate(tasks: number, from: number | undefined, to: number | undefined): number {
  return (tasks * 1000) / ((to ?? 0) - (from ?? 0));
}
