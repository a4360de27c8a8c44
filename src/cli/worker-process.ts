/**
 * A worker as a process: loads the app, takes tasks, prints what happens, and obeys signals. The first SIGTERM or SIGINT
 * stops warmly, exit code 0; the second, or SIGQUIT, gives everything back at once, exit code 128 + the signal's number.
 */

import { constants, hostname } from "node:os";
import { coreOf } from "../app/app.ts";
import type { LogOption } from "../app/structured-log.ts";
import type { WorkerHandle, WorkOptions } from "../app/work.ts";
import { loadAppFile } from "./app-file.ts";
import { exitCode } from "./failure.ts";
import { Health, type ListenAddress } from "./health.ts";
import { given } from "./option.ts";
import { rootIsMeant, rootUser, runsAsRoot } from "./root-user.ts";

/** As commander hands them over. */
export interface WorkerFlags extends Omit<WorkOptions, "onEvent" | "log" | "memoryLimit"> {
  readonly app: string;
  /** Bytes here, MiB in `WorkOptions`. */
  readonly memoryLimit?: number;
  readonly json?: boolean;
  readonly health?: ListenAddress;
}

const signals = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

export async function runWorker({
  app: file,
  json,
  memoryLimit,
  name,
  health: probed,
  ...flags
}: WorkerFlags): Promise<number> {
  let worker: WorkerHandle | undefined;
  let asked = 0;
  let interruptedBy: (typeof signals)[number] | undefined;
  const early = Promise.withResolvers<"stop">();
  const onSignal = (signal: (typeof signals)[number]): void => {
    asked++;
    if (asked > 2) process.exit(128 + constants.signals[signal]); // who asks a third time does not want to wait
    const cold = asked > 1 || signal === "SIGQUIT";
    if (cold) interruptedBy = signal;
    early.resolve("stop");
    worker?.stop({ cold }).catch(() => {}); // a failure to stop rejects `closed` as well
  };
  for (const signal of signals) process.on(signal, onSignal);
  // As children of the other pools do: stacks name the lines that were written. It counts for what is loaded from now on.
  if (flags.pool === "inline") process.setSourceMapsEnabled(true);
  const app = await loadAppFile(file);
  try {
    await using health = await Health.listen(probed);
    const log = json === true ? "json" : (coreOf(app).config.log ?? "text");
    if (runsAsRoot() && !rootIsMeant()) await warnOfRoot(log, nodeName(name ?? "celery@%h"));
    const starting = app.work({
      ...given(flags),
      ...(memoryLimit !== undefined && { memoryLimit: Math.ceil(memoryLimit / 2 ** 20) }),
      ...(name !== undefined && { name: nodeName(name) }),
      log,
    } as WorkOptions);
    // A signal while it starts (a broker that does not answer) must not wait for the start.
    if ((await Promise.race([starting, early.promise])) === "stop") {
      starting.then((late) => late.stop({ cold: true })).catch(() => {});
    } else {
      worker = await starting;
      health?.follow(worker);
      await worker.closed;
    }
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    await app.close();
  }
  return interruptedBy === undefined ? exitCode.done : 128 + constants.signals[interruptedBy];
}

async function warnOfRoot(log: LogOption, worker: string): Promise<void> {
  if (log === "silent") return;
  const { eventPrinter } = await import("../worker/event-log.ts");
  const { code, text, remedy } = rootUser;
  eventPrinter(log, worker)({ type: "worker:warning", at: Date.now(), worker, code, text: `${text}. ${remedy}` });
}

/** Celery's abbreviations for node names. */
function nodeName(name: string): string {
  const host = hostname();
  const [first = host, ...rest] = host.split(".");
  return name.replaceAll("%h", host).replaceAll("%n", first).replaceAll("%d", rest.join("."));
}
