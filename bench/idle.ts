/**
 * What idle workers cost one Redis: its CPU while a thousand of them wait, and how many a single task wakes. Many workers share a process, for
 * a thousand processes would take the memory of a large machine; each has its own app, connections, heartbeats, and claims.
 *
 *   npm run bench -- idle [--workers 1000] [--processes 4] [--seconds 20] [--wakes 20] [--keep-build] [--json]
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createApp } from "../src/index.ts";
import { startRedis } from "../test/server/redis-server.ts";
import { buildCeleriac } from "./installation.ts";
import { cpuOf } from "./process-cost.ts";

/** Share of a core that a thousand may take from Redis. */
const cpuBound = 0.3;
/** How many a single task may wake. */
const wokenBound = 3;
/** What a start does is over by then: first heartbeats, looks, and who watches a queue. */
const settling = 10_000;
/** From one task to the next while wake-ups are counted. */
const pause = 250;

/** Says how many there are while they start; throws where a process ends before all of its workers are there. */
async function allStarted(
  children: readonly ChildProcess[],
  workers: number,
  shares: readonly number[],
): Promise<void> {
  const counts = children.map(() => 0);
  await Promise.all(
    children.map(
      (child, at) =>
        new Promise<void>((resolve, reject) => {
          child.once("exit", () => reject(new Error("a process of idle workers ended")));
          child.on("message", ({ started }: { readonly started: number }) => {
            counts[at] = started;
            const sum = counts.reduce((all, one) => all + one, 0);
            if (sum % 50 === 0 || sum === workers) process.stderr.write(`${sum} of ${workers} workers started\n`);
            if (started === shares[at]) resolve();
          });
        }),
    ),
  );
}

/** Whether both bounds are kept. */
export async function idle(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workers: { type: "string", default: "1000" },
      processes: { type: "string", default: "4" },
      seconds: { type: "string", default: "20" },
      wakes: { type: "string", default: "20" },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [workers, processes, seconds, wakes] = [values.workers, values.processes, values.seconds, values.wakes].map(
    Number,
  ) as [number, number, number, number];
  if (![workers, processes, seconds, wakes].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--workers, --processes, --seconds and --wakes take whole numbers");
  // Built: each worker has a thread of its own, which would strip the types of all it loads.
  await buildCeleriac(values["keep-build"]);
  const shares = Array.from(
    { length: Math.min(processes, workers) },
    (_, at) => Math.floor(workers / processes) + (at < workers % processes ? 1 : 0),
  );
  // Each worker has four connections, and Redis' own limit is 10 000.
  await using redis = await startRedis({ config: { maxclients: String(workers * 8 + 100) } });
  const children: ChildProcess[] = [];
  const app = createApp({ name: "bench", broker: redis.url });
  const noop = app.task("bench.noop", (_: unknown) => undefined);
  const calls = async (): Promise<ReadonlyMap<string, number>> => {
    const text = await redis.cli("info", "commandstats");
    const found = text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
    return new Map(Array.from(found, ([, name = "", count]) => [name, Number(count)]));
  };
  const since = async (from: ReadonlyMap<string, number>): Promise<Map<string, number>> =>
    new Map([...(await calls())].map(([name, count]) => [name, count - (from.get(name) ?? 0)]));
  try {
    const file = join(import.meta.dirname, "idle-workers.ts");
    for (const [at, share] of shares.entries()) {
      const execArgv = ["--disable-warning=ExperimentalWarning"];
      children.push(fork(file, [redis.url, String(share), `idle-${String(at)}`], { execArgv }));
    }
    await allStarted(children, workers, shares);
    await sleep(settling);
    const [cpuBefore, before, started] = [cpuOf(redis.pid), await calls(), performance.now()];
    await sleep(seconds * 1000);
    const took = performance.now() - started;
    const cpu = (cpuOf(redis.pid) - cpuBefore) / took;
    const resting = await since(before);
    const rates = Object.fromEntries(
      [...resting].map(([name, count]) => [name, Math.round((count * 10_000) / took) / 10] as const),
    );
    const [beforeWakes, wakesStarted] = [await calls(), performance.now()];
    for (let at = 0; at < wakes; at++) {
      await noop.enqueue(at, { ignoreResult: true });
      await sleep(pause);
    }
    const busy = await since(beforeWakes);
    const busyFor = performance.now() - wakesStarted;
    const moreThanAtRest = (name: string): number =>
      ((busy.get(name) ?? 0) - ((resting.get(name) ?? 0) * busyFor) / took) / wakes;
    // A token on a bell ends one worker's BLPOP. The other push of a task is its own, onto its queue.
    const woken = moreThanAtRest("lpush") - 1;
    const scripts = moreThanAtRest("evalsha");
    const connections = Number(/connected_clients:(\d+)/.exec(await redis.cli("info", "clients"))?.[1] ?? 0);
    const most = Object.entries(rates)
      .toSorted((one, other) => other[1] - one[1])
      .slice(0, 8);
    const ok = cpu <= cpuBound && woken <= wokenBound;
    const report = { workers, connections, cpu, cpuBound, woken, wokenBound, scripts, ok, rates };
    process.stdout.write(
      values.json
        ? `${JSON.stringify(report)}\n`
        : `${String(workers)} idle workers in ${String(processes)} processes, ${String(connections)} connections: Redis ${(cpu * 100).toFixed(1)} % of a core (bound ${String(cpuBound * 100)} %), a task wakes ${woken.toFixed(1)} (bound ${String(wokenBound)}) and takes ${scripts.toFixed(1)} scripts more than rest\n` +
            `commands a second at rest: ${most.map(([name, rate]) => `${name} ${rate.toFixed(1)}`).join(", ")}\n`,
    );
    return ok;
  } finally {
    await app.close();
    for (const child of children) {
      if (child.exitCode !== null) continue;
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    }
  }
}
