/** What goes wrong in a run. Each fault is drawn from the seed, written down with the time it lasts, and undone by itself. */

import type { RedisServer } from "../server/redis-server.ts";
import type { Cluster } from "./cluster.ts";
import type { Journal } from "./journal.ts";
import type { Random } from "./random.ts";

const onEveryBroker = {
  "kill worker": 5,
  "stop worker": 4,
  "end worker": 1,
  "kill child": 4,
  "stop child": 2,
  "two-port worker dies": 3,
} as const;
const onRedis = { "kill redis": 2, "flush scripts": 1, "cut connections": 2 } as const;

export type Fault = keyof typeof onEveryBroker | keyof typeof onRedis;

export interface FaultParts {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly journal: Journal;
  readonly redis: RedisServer | undefined;
  readonly lease: number;
  /** Runs a worker that stores a result and dies before it sends what follows. */
  readonly twoPortWorker: () => Promise<void>;
}

/**
 * The faults of a run in order; the first ones are each kind once, so that none is missing. `apart`: results lie on another server, where
 * each start is registered, so every worker is of two ports and none stores a result unregistered.
 */
export function plan(random: Random, count: number, servers: { redis: boolean; apart: boolean }): Fault[] {
  const { "two-port worker dies": _unregistered, ...registered } = onEveryBroker;
  const weights: Partial<Record<Fault, number>> = {
    ...(servers.apart ? registered : onEveryBroker),
    ...(servers.redis ? onRedis : {}),
  };
  const each = Object.keys(weights) as Fault[];
  const rest = Array.from({ length: Math.max(0, count - each.length) }, () =>
    random.weighted(weights as Record<Fault, number>),
  );
  const all = [...each, ...rest].slice(0, count);
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    [all[i], all[j]] = [all[j] as Fault, all[i] as Fault];
  }
  return all;
}

/** Lets one fault happen; resolves when it is over. */
export async function strike(fault: Fault, parts: FaultParts): Promise<void> {
  const { random, cluster, journal, redis, lease } = parts;
  const worker = cluster.running.length > 0 ? random.pick(cluster.running) : 0;
  const child = ((children) => (children.length > 0 ? random.pick(children) : 0))(cluster.children(worker));
  const note = (target: number, ms: number): void =>
    journal.add({ k: "fault", t: Date.now(), until: Date.now() + ms, fault, target });
  const stop = async (pid: number, ms: number): Promise<void> => {
    if (pid === 0) return;
    note(pid, ms);
    cluster.signal(pid, "SIGSTOP");
    await pause(ms);
    cluster.signal(pid, "SIGCONT");
  };
  const hit = (pid: number, signal: NodeJS.Signals): void => {
    if (pid === 0) return;
    note(pid, 0);
    cluster.signal(pid, signal);
  };
  switch (fault) {
    case "kill worker":
      return hit(worker, "SIGKILL");
    case "end worker":
      return hit(worker, "SIGTERM");
    case "stop worker":
      return stop(worker, lease * random.between(0.5, 2.4));
    case "kill child":
      return hit(child, "SIGKILL");
    case "stop child":
      return stop(child, lease * random.between(0.3, 1.5));
    case "two-port worker dies":
      note(0, 0);
      return parts.twoPortWorker();
    case "kill redis":
      note(redis?.pid ?? 0, 1500);
      await redis?.kill();
      await pause(random.between(100, 800));
      await redis?.restart();
      return;
    case "flush scripts":
      note(0, 0);
      await redis?.cli("SCRIPT", "FLUSH");
      return;
    case "cut connections":
      note(0, 200);
      await redis?.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      return;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
