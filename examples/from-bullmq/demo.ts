/** `npm run example from-bullmq`: the same shop with BullMQ and with Celeriac, on one Redis, before one test. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { runDemo, type Stage, type Summary } from "../harness/demo.ts";
import { startPrivateRedis } from "../harness/private-redis.ts";
import { WorkerProcess } from "../harness/worker-process.ts";
import { behave, expected, type Seen } from "./behaviour.ts";

interface Outcome extends Summary {
  readonly before: Seen;
  readonly after: Seen;
  readonly same: boolean;
}

async function run({ folder, signal, say, options }: Stage<Outcome>): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const redis = options["redis"] ?? stack.use(await startPrivateRedis()).url;
  process.env["REDIS_URL"] = redis; // before either side is loaded
  say("BullMQ: worker and producer");
  const before = await runBefore(join(folder, "before.jsonl"), signal);
  say("Celeriac: worker and producer, on the same Redis");
  const after = await runAfter(redis, join(folder, "after.jsonl"), signal);
  const problems = Object.entries(expected).flatMap(([name, value]) => {
    const seen = { before: before[name as keyof Seen], after: after[name as keyof Seen] };
    return Object.entries(seen)
      .filter(([, each]) => !isDeepStrictEqual(each, value))
      .map(([side, each]) => `${name} ${side} is ${JSON.stringify(each)}, not ${JSON.stringify(value)}`);
  });
  return { ok: problems.length === 0, before, after, same: isDeepStrictEqual(before, after), problems };
}

async function runBefore(journal: string, signal: AbortSignal): Promise<Seen> {
  const { openShop } = await import("./before/queue.ts");
  const worker = spawn(process.execPath, [fileURLToPath(new URL("before/worker.ts", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(worker, "close");
  try {
    await Promise.race([once(worker.stdout, "data", { signal }), closed]);
    await using shop = await openShop();
    return await behave(shop, journal, signal);
  } finally {
    worker.kill("SIGTERM");
    const late = setTimeout(() => worker.kill("SIGKILL"), 8000);
    await closed;
    clearTimeout(late);
  }
}

async function runAfter(redis: string, journal: string, signal: AbortSignal): Promise<Seen> {
  const { openShop } = await import("./after/queue.ts");
  const worker = new WorkerProcess({
    app: new URL("after/app.ts", import.meta.url),
    broker: redis,
    name: "after",
    lease: "30s",
    args: ["-c", "10"],
  });
  try {
    await worker.ready(signal);
    await using shop = openShop();
    return await behave(shop, journal, signal);
  } finally {
    await worker.stop(8000);
  }
}

await runDemo<Outcome>({
  name: "from-bullmq",
  about: `A shop before and after moving from BullMQ, on one Redis of its own.

  --redis URL      another Redis instead; it must be empty`,
  options: ["redis"],
  run,
  print: ({ before, after }, say) => {
    const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
    say();
    say(`${"".padEnd(16)} ${"BullMQ".padEnd(26)} Celeriac`);
    for (const name of Object.keys(expected) as (keyof Seen)[])
      say(`${name.padEnd(16)} ${text(before[name]).padEnd(26)} ${text(after[name])}`);
  },
});
