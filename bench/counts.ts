/**
 * What tasks cost that hardly depends on how busy the machine is: Redis commands (those inside scripts among them), calls of scripts, bytes
 * both ways, and what Redis' memory grows by. Runs the sources as they are, in this process, on a private Redis.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type App, createApp, group, chord, type Task } from "../src/index.ts";
import { type RedisServer, startRedis } from "../test/server/redis-server.ts";
import { payloadOf } from "./system/system.ts";

/** All of one task. */
export interface Counts {
  readonly commands: number;
  /** Calls of scripts: a batch of any size is one. */
  readonly scripts: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes that Redis holds more than before: what a waiting task or a stored result takes. */
  readonly memory: number;
}
export type Count = keyof Counts;

export function countsBy(each: (count: Count) => number): Counts {
  return {
    commands: each("commands"),
    scripts: each("scripts"),
    bytesIn: each("bytesIn"),
    bytesOut: each("bytesOut"),
    memory: each("memory"),
  };
}

interface Bench {
  readonly app: App;
  readonly plain: Task<unknown, unknown>;
  readonly unstored: Task<unknown, unknown>;
  readonly failsOnce: Task<unknown, unknown>;
  readonly total: Task<unknown, unknown>;
}
interface Case {
  /** Before the counts: what the case needs to stand in the queue. */
  readonly prepare?: (bench: Bench, tasks: number) => Promise<unknown>;
  /** Enqueues within the counts. */
  readonly send?: (bench: Bench, tasks: number) => Promise<unknown>;
  /** Whether a worker runs within the counts, and how many settlements end the case for each task. */
  readonly settled?: number;
}

/** Calls without an answer, as in the other measurements. */
const inFlight = 500;
const bulkSize = 1000;
/** For 100 bytes of payload, as everywhere. */
const payload = payloadOf(1_000_000, 100);
const many = async (task: Task<unknown, unknown>, tasks: number, options = {}): Promise<void> => {
  for (let sent = 0; sent < tasks; sent += bulkSize) {
    await task.enqueueMany(
      Array.from({ length: Math.min(bulkSize, tasks - sent) }, () => payload),
      options,
    );
  }
};
const single = async (task: Task<unknown, unknown>, tasks: number, options: (at: number) => object): Promise<void> => {
  let next = 0;
  const loop = async (): Promise<void> => {
    for (let at = next++; at < tasks; at = next++) await task.enqueue(payload, options(at));
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
};

const cases: Readonly<Record<string, Case>> = {
  "enqueue, single calls": { send: ({ plain }, tasks) => single(plain, tasks, () => ({})) },
  "enqueue, 1000 a call": { send: ({ plain }, tasks) => many(plain, tasks) },
  "enqueue with an id of its own": { send: ({ plain }, tasks) => single(plain, tasks, (at) => ({ id: `own-${at}` })) },
  "enqueue for later": { send: ({ plain }, tasks) => many(plain, tasks, { delay: "1h" }) },
  run: { prepare: ({ plain }, tasks) => many(plain, tasks), settled: 1 },
  "run, no result stored": { prepare: ({ unstored }, tasks) => many(unstored, tasks), settled: 1 },
  "run, one retry each": { prepare: ({ failsOnce }, tasks) => many(failsOnce, tasks), settled: 2 },
  "chord, a member": {
    send: ({ app, plain, total }, tasks) => {
      const members = Array.from({ length: tasks - 1 }, () => plain.si(payload));
      return app.delay(chord(group(members), total.s()));
    },
    settled: 1,
  },
};
export const caseNames: readonly string[] = Object.keys(cases);

export async function countsOf(name: string, tasks: number): Promise<Counts> {
  const found = cases[name];
  if (found === undefined) throw new Error(`no case is called "${name}"`);
  await using redis = await startRedis();
  const app = createApp({ name: "bench", broker: redis.url });
  const bench = tasksOf(app);
  try {
    // Connections and scripts are set up before anything counts.
    await bench.plain.enqueue(payload, { delay: "2h" });
    // A sender that does not know yet whether somebody listens tells of its calls, and looks again after 200 ms.
    await sleep(300);
    await found.prepare?.(bench, tasks);
    // The worker is opened inside: what it says of itself at its start is the same few commands each time, and none of it for a task.
    const before = await state(redis);
    if (found.settled === undefined) await found.send?.(bench, tasks);
    else await run(bench, found, tasks * found.settled);
    const after = await state(redis);
    return countsBy((count) => (after[count] - before[count]) / tasks);
  } finally {
    await app.close();
  }

  async function run(opened: Bench, which: Case, settlements: number): Promise<void> {
    const worker = await app.work({ pool: "inline", concurrency: 100, log: "silent", name: "bench" });
    try {
      const all = new Promise<void>((resolve) => {
        let left = settlements;
        const one = (): void => void (--left === 0 && resolve());
        worker.on("task:settled", one);
        worker.on("task:retried", one);
      });
      await which.send?.(opened, tasks);
      await all;
    } finally {
      await worker.stop();
    }
  }
}

function tasksOf(app: App): Bench {
  const seen = new Set<string>();
  return {
    app,
    plain: app.task("bench.noop", (input: unknown) => (input as { readonly n: number }).n),
    unstored: app.task("bench.unstored", { ignoreResult: true }, (_: unknown) => undefined),
    failsOnce: app.task(
      "bench.fails-once",
      { retry: { limit: 1, delay: "1ms" } },
      (_: unknown, ctx: { readonly id: string }) => {
        if (seen.has(ctx.id)) return;
        seen.add(ctx.id);
        throw new Error("once");
      },
    ),
    total: app.task("bench.total", (results: unknown) => (results as readonly number[]).length),
  };
}

/** What this file itself asks; each answer of `info` is 5 KB, which is not a task's. */
async function state(redis: RedisServer): Promise<Counts> {
  // What is still on its way when the last task settled: announcements, and the tail of a batch.
  await sleep(100);
  const text = await redis.cli("info", "all");
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(text)?.[1] ?? 0);
  let commands = 0;
  let scripts = 0;
  for (const [, name = "", count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (/^(info|hello|select|client\||config\||ping)/.test(name)) continue;
    commands += Number(count);
    if (name.startsWith("eval")) scripts += Number(count);
  }
  return {
    commands,
    scripts,
    bytesIn: field("total_net_input_bytes"),
    bytesOut: field("total_net_output_bytes"),
    memory: field("used_memory_dataset"),
  };
}
