/** What goes wrong in a run. Each fault is written down with the time it lasts, and undone by itself. */

import type { RabbitServer } from "../server/rabbitmq-server.ts";
import type { RedisServer } from "../server/redis-server.ts";
import type { Cluster } from "./cluster.ts";
import type { Fault } from "./fault-plan.ts";
import type { Journal } from "./journal.ts";
import { lineStrike } from "./line-faults.ts";
import { type Machines, machineStrike } from "./machine-faults.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

export interface FaultParts {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly schedulers: Cluster;
  readonly dashboard: Cluster;
  readonly machines: Machines;
  readonly network: Network;
  readonly journal: Journal;
  readonly redis: RedisServer | undefined;
  readonly rabbit: RabbitServer | undefined;
  readonly lease: number;
  /** Runs a worker that stores a result and dies before it sends what follows. */
  readonly twoPortWorker: () => Promise<void>;
}

/** Between a polite end and the impolite one. */
const lastGrace = 1000;
/** More than is free anywhere: RabbitMQ takes nothing more from whoever publishes. */
const noDiskHasIt = "1000000GB";

/** Lets one fault happen; resolves when it is over. */
export async function strike(fault: Fault, parts: FaultParts): Promise<void> {
  const { random, cluster, schedulers, dashboard, network, journal, redis, rabbit, lease } = parts;
  const clusters = [cluster, schedulers, dashboard];
  const worker = one(cluster, random);
  const child = ((children) => (children.length > 0 ? random.pick(children) : 0))(cluster.children(worker));
  /** Written down once it is over, with the time that it really took. */
  const during = async (
    target: number | (() => number),
    ms: number,
    begin: () => unknown,
    end: () => unknown,
    { by, settles = 0 }: { readonly by?: number; readonly settles?: number } = {},
  ): Promise<void> => {
    const t = Date.now();
    await begin();
    if (ms > 0) await pause(ms);
    await end();
    const pid = typeof target === "number" ? target : target();
    journal.add({ k: "fault", t, until: Date.now() + settles, fault, target: pid, ...(by !== undefined && { by }) });
  };
  const nothing = (): void => {};
  const stop = async (pids: readonly number[], ms: number, of = cluster): Promise<void> => {
    const [first = 0] = pids;
    if (first === 0) return;
    await during(
      first,
      ms,
      () => pids.forEach((pid) => of.signal(pid, "SIGSTOP")),
      () => pids.forEach((pid) => of.signal(pid, "SIGCONT")),
    );
  };
  const hit = async (pid: number, signal: NodeJS.Signals, of = cluster): Promise<void> => {
    if (pid !== 0) await during(pid, 0, () => of.signal(pid, signal), nothing);
  };
  switch (fault) {
    case "kill worker":
      return hit(worker, "SIGKILL");
    case "end worker":
      return hit(worker, "SIGTERM");
    case "end and kill worker":
      if (worker === 0) return;
      return during(
        worker,
        lastGrace,
        () => cluster.signal(worker, "SIGTERM"),
        () => cluster.signal(worker, "SIGKILL"),
      );
    case "stop worker":
      return stop([worker], lease * random.between(0.5, 2.4));
    case "stop machine":
      return stop(cluster.machine(worker), lease * random.between(0.5, 2.4));
    case "kill machine":
      if (worker === 0) return;
      // Its children first, which would end by themselves without it.
      return during(
        worker,
        0,
        () =>
          cluster
            .machine(worker)
            .toReversed()
            .forEach((pid) => cluster.signal(pid, "SIGKILL")),
        nothing,
      );
    case "kill child":
      return hit(child, "SIGKILL");
    case "end child":
      return hit(child, "SIGTERM");
    case "stop child":
      return stop([child], lease * random.between(0.3, 1.5));
    case "two-port worker dies":
      return during(0, 0, parts.twoPortWorker, nothing);
    case "kill scheduler":
      return hit(one(schedulers, random), "SIGKILL", schedulers);
    case "end scheduler":
      return hit(one(schedulers, random), "SIGTERM", schedulers);
    case "stop scheduler":
      return stop([one(schedulers, random)], random.between(200, 5000), schedulers);
    case "kill dashboard":
      return hit(one(dashboard, random), "SIGKILL", dashboard);
    case "stop dashboard":
      return stop([one(dashboard, random)], random.between(200, 5000), dashboard);
    case "full disk":
    case "full disk ends redis":
    case "worker clock jumps":
    case "redis clock jumps": {
      const { begin, lasts, end, ...more } = machineStrike(fault, parts.machines, redis, lease, random);
      return during(fault === "worker clock jumps" ? (cluster.odd ?? 0) : 0, lasts, begin, end, more);
    }
    case "kill redis":
      return during(
        redis?.pid ?? 0,
        random.between(100, 800),
        () => redis?.kill(),
        () => redis?.restart(),
      );
    case "stop redis":
      return during(
        redis?.pid ?? 0,
        random.between(500, 5000),
        () => redis?.kill("SIGSTOP"),
        () => redis?.kill("SIGCONT"),
      );
    case "full redis":
      // All that it holds is more than a byte: whatever would add to it is refused, and what ends is not.
      return during(
        0,
        random.between(500, 3000),
        () => redis?.cli("CONFIG", "SET", "maxmemory", "1"),
        () => redis?.cli("CONFIG", "SET", "maxmemory", "0"),
      );
    case "flush scripts":
      return during(0, 0, () => redis?.cli("SCRIPT", "FLUSH"), nothing);
    case "cut connections":
      return during(0, 0, () => redis?.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), nothing);
    case "kill rabbitmq":
      // Its queues are classic ones: a quorum queue of 3.10 that was made a moment before comes back without its log.
      return during(
        rabbit?.pid ?? 0,
        random.between(100, 800),
        () => rabbit?.kill(),
        () => rabbit?.restart(),
      );
    case "stop rabbitmq":
      return during(
        rabbit?.pid ?? 0,
        random.between(500, 5000),
        () => rabbit?.kill("SIGSTOP"),
        () => rabbit?.kill("SIGCONT"),
      );
    case "rabbitmq alarm":
      return during(
        0,
        random.between(500, 3000),
        () => rabbit?.ctl("set_vm_memory_high_watermark", "0.00001"),
        () => rabbit?.ctl("set_vm_memory_high_watermark", "0.4"),
      );
    case "rabbitmq disk alarm":
      return during(
        0,
        random.between(500, 3000),
        () => rabbit?.ctl("set_disk_free_limit", noDiskHasIt),
        () => rabbit?.ctl("set_disk_free_limit", "1MB"),
      );
    case "close connections":
      return during(0, 0, () => rabbit?.ctl("close_all_connections", "chaos"), nothing);
    default: {
      const client = random.pick(network.clients);
      const { begin, lasts, end } = lineStrike(fault, network.lines(client), lease, random);
      // The producer's is that of this process. One that was about to be started has a process by the end.
      const owner = (): number => clusters.map((each) => each.pidOf(client)).find((pid) => pid) ?? process.pid;
      return during(owner, lasts, begin, end);
    }
  }
}

/** 0 while none lives. */
function one(cluster: Cluster, random: Random): number {
  return cluster.running.length > 0 ? random.pick(cluster.running) : 0;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
