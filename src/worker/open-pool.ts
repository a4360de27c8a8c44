/** Makes and opens the pool that the options ask for, with children that load the same app and agree on its tasks. */

import type { App } from "../app/app.ts";
import type { AppCore } from "../app/core.ts";
import type { WorkOptions } from "../app/work.ts";
import type { Pool, PoolHooks } from "../pool/pool.ts";
import type { ChildEvent } from "../pool/pool-options.ts";
import { durationMs } from "../task/duration.ts";
import { freeze } from "../task/registry.ts";
import { coveredLine } from "./covering.ts";
import type { Flow } from "./flow.ts";
import type { Reporter } from "./reporter.ts";
import type { Turning } from "./turning.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** How long a recycled child may finish what it runs, ms. */
const drain = 30_000;
const mebibyte = 1024 * 1024;

/** `flow`: of the worker, once it is there. It is woken when there is room that no ended call announced. */
export async function openPool(
  app: App,
  core: AppCore,
  options: WorkOptions,
  settings: WorkerSettings,
  hooks: PoolHooks,
  report: Reporter,
  { flow, turning }: { readonly flow: () => Flow | undefined; readonly turning: Turning },
): Promise<Pool> {
  const { clock } = core;
  const { registry, tasks, telemetry } = await app[freeze]();
  const { maxResultBytes } = settings;
  if (settings.pool === "inline") {
    const { createInlinePool } = await import("../pool/inline-pool.ts");
    const slots = settings.concurrency;
    const pool = createInlinePool({ registry, telemetry, slots, hooks, maxResultBytes, clock });
    await pool.open();
    return pool;
  }
  const common = {
    app: await core.module(),
    slots: settings.concurrency,
    children: settings.processes,
    hooks,
    maxResultBytes,
    drain,
    env: options.env ?? [],
    clock,
    expectedTasks: tasks,
    startBy: (slot: number) => turning.sureUntil(flow()?.slots.running.get(slot)?.claimedAt ?? Infinity),
    onLine: (pid: number, stream: "stdout" | "stderr", text: string, id: string | undefined) =>
      // Whose line it is, is not always known.
      report.line(pid, stream, coveredLine(flow()?.slots.running.values() ?? [], text), id),
    onChild: (event: ChildEvent) => {
      report.child(event);
      if (event.kind === "ready") flow()?.wake();
    },
    ...(options.maxTasksPerChild === undefined ? {} : { maxTasks: options.maxTasksPerChild }),
    ...(options.maxAge === undefined ? {} : { maxAge: durationMs(options.maxAge) }),
    ...(options.recycleRss === undefined ? {} : { recycleRss: options.recycleRss }),
    ...(options.killRss === undefined ? {} : { killRss: options.killRss }),
    ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit * mebibyte }),
  };
  const pool =
    settings.pool === "process"
      ? (await import("../pool/process-pool.ts")).createProcessPool(common)
      : (await import("../pool/thread-pool.ts")).createThreadPool(common);
  await pool.open();
  return pool;
}
