/** `celeriac worker`: takes tasks until it is told to stop. */

import { Command, Option } from "commander";
import type { WorkerFlags } from "../worker-process.ts";
import { addJson, bounds, byteSize, listenAddress, names, wholeNumber } from "../option.ts";

export function workerCommand(finish: (code: number) => void): Command {
  const command = new Command("worker")
    .description("run tasks; SIGTERM or SIGINT lets running ones end, a second one gives them back at once")
    .requiredOption("-A, --app <file>", "module that exports the app, such as ./app.ts")
    .option("-Q, --queues <names>", "queues, separated by commas (default: the app's default queue)", names)
    .option("-c, --concurrency <n>", "tasks at once (default: number of cores)", wholeNumber(1))
    .option("--autoscale <max,min>", "tasks at once, following the load between these, in place of -c", bounds)
    .addOption(
      new Option("--pool <kind>", "where handlers run (default: process)").choices(["process", "thread", "inline"]),
    )
    .option("--processes <n>", "children of the pool (default: number of cores)", wholeNumber(1))
    .option("--slots-per-child <n>", "most tasks at once in one child; 1 for Celery's prefork", wholeNumber(1))
    .option("--lease <time>", "out of the broker's reach for longer, the worker loses its tasks (default: 30s)")
    .option("--sweep <time>", "how often expired leases are looked for (default: 5s)")
    .option("--stall-limit <time>", "a main thread blocked for longer gives up its leases (default: 60s)")
    .option("--reconnect-limit <time>", "end with exit code 1 if the broker is away for longer (default: never)")
    .option("--grace <time>", "how long tasks may go on at shutdown (default: 25s)")
    .option("--max-tasks-per-child <n>", "replace a child after so many tasks", wholeNumber(1))
    .option("--max-age <time>", "replace a child at this age")
    .option("--recycle-rss <size>", "replace a child over this memory when it is idle, such as 512M", byteSize)
    .option("--kill-rss <size>", "kill a child over this memory", byteSize)
    .option("--memory-limit <size>", "heap of a child", byteSize)
    .option(
      "--no-release-memory",
      "keep free memory when there is nothing to do, and do not stop for 0.1 s to give it back",
    )
    .option("--max-result-bytes <size>", "fail a task whose result is larger (default: 8M)", byteSize)
    .option("--unknown-task-grace <time>", "how long tasks unknown here are put back (default: 10m)")
    .option("--env <names>", "environment variables that children get too, separated by commas", names)
    .option("-E, --events", "always tell monitors of tasks (default: as long as somebody may be listening)")
    .option("--no-events", "tell monitors of tasks only once one asks for it")
    .option("-B, --beat", "run a scheduler beside it; any number of workers may")
    .option("--health <address>", "answer probes there, /healthz and /readyz: 8081, or 0.0.0.0:8081", listenAddress)
    .option("-n, --name <name>", "name of this worker; %h is the host, %n its first part, %d the rest");
  return addJson(command).action(async (flags: WorkerFlags) => {
    const { runWorker } = await import("../worker-process.ts");
    finish(await runWorker(flags));
  });
}
