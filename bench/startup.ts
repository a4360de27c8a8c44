/** How long things take to be there: the producer side's import, the command line, a worker that takes tasks. Each in new processes. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { run } from "../scripts/process.ts";
import { celeriac } from "./installation.ts";
import { median } from "./statistics.ts";

/** Milliseconds, medians. */
export interface Startup {
  /** Node itself, running nothing: part of `help` and `ready`, not of `producerImport`. */
  readonly bareNode: number;
  readonly producerImport: number;
  readonly help: number;
  readonly readyInline: number;
  readonly readyProcess: number;
}

const cli = join(celeriac, "dist", "cli", "main.js");
const app = join(import.meta.dirname, "system", "celeriac-app.ts");

export async function startup(rounds: number): Promise<Startup> {
  const times = { bareNode: [], producerImport: [], help: [], readyInline: [], readyProcess: [] } as Record<
    keyof Startup,
    number[]
  >;
  // The first round fills the page cache and Node's own caches; it is not counted.
  for (let round = 0; round <= rounds; round++) {
    const taken: Startup = {
      bareNode: await wall(["-e", "0"]),
      producerImport: await importTime(),
      help: await wall([cli, "--help"]),
      readyInline: await readyTime("inline"),
      readyProcess: await readyTime("process"),
    };
    if (round === 0) continue;
    for (const [name, ms] of Object.entries(taken)) times[name as keyof Startup].push(ms);
  }
  return {
    bareNode: median(times.bareNode),
    producerImport: median(times.producerImport),
    help: median(times.help),
    readyInline: median(times.readyInline),
    readyProcess: median(times.readyProcess),
  };
}

async function wall(args: readonly string[]): Promise<number> {
  const started = performance.now();
  const ran = await run(process.execPath, args, { output: "keep" });
  if (ran.code !== 0) throw new Error(ran.text);
  return performance.now() - started;
}

async function importTime(): Promise<number> {
  const script =
    'const t = performance.now(); const { createApp } = await import("celeriac"); createApp({ broker: "redis://h" });' +
    "console.log(performance.now() - t)";
  const args = ["--input-type=module", "-e", script];
  const ran = await run(process.execPath, args, { cwd: import.meta.dirname, output: "keep" });
  if (ran.code !== 0) throw new Error(ran.text);
  return Number(ran.text);
}

/** From the start of the process to the line that says it takes tasks. */
async function readyTime(pool: "inline" | "process"): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-bench-"));
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [cli, "worker", "-A", app, "--pool", pool, "--json", "--env", "CELERIAC_BENCH_BROKER"],
    {
      env: { ...process.env, CELERIAC_BENCH_BROKER: `sqlite://${join(folder, "queue.db")}` },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if ((JSON.parse(line) as { event: string }).event === "worker.ready") return performance.now() - started;
    }
    throw new Error("the worker ended before it was ready");
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
    await rm(folder, { recursive: true, force: true });
  }
}
