/** What a worker is told, checked, with defaults, in milliseconds. */

import { availableParallelism } from "node:os";
import type { WorkOptions } from "../app/work.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { durationMs } from "../task/duration.ts";
import { mostResultBytes } from "../wire/outcome.ts";

export interface WorkerSettings {
  /** Set anew when consumers are added or cancelled. */
  queues: readonly string[];
  readonly pool: "process" | "thread" | "inline";
  readonly concurrency: number;
  readonly processes: number;
  readonly lease: number;
  readonly sweep: number;
  /** `undefined`: none. */
  readonly reconnectLimit: number | undefined;
  readonly events: boolean | "auto";
  readonly maxTasksPerChild: number | undefined;
  readonly releaseMemory: boolean;
  readonly maxResultBytes: number;
  /** Bounds of a pool whose size follows the load; it begins with the lower one. */
  readonly autoscale: { readonly max: number; readonly min: number } | undefined;
}

/** Throws CONFIG_INVALID. */
export function settingsOf(options: WorkOptions, defaultQueue: string): WorkerSettings {
  const cores = availableParallelism();
  const pool = options.pool ?? "process";
  const { autoscale, maxTasksPerChild } = options;
  if (autoscale !== undefined && !(isWhole(autoscale.min) && isWhole(autoscale.max) && autoscale.min <= autoscale.max))
    throw invalid("autoscale", JSON.stringify(autoscale), "{ max, min }, whole numbers from 1 with min <= max");
  const concurrency = autoscale?.min ?? options.concurrency ?? cores;
  const processes = Math.min(options.processes ?? spread(concurrency, options.slotsPerChild, cores), concurrency);
  const lease = durationMs(options.lease ?? "30s");
  const sweep = durationMs(options.sweep ?? "5s");
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw invalid("concurrency", concurrency, "a whole number from 1");
  if (!Number.isInteger(processes) || processes < 1) throw invalid("processes", processes, "a whole number from 1");
  if (lease < 100)
    throw invalid("lease", lease, "at least 100 ms: a third of it must be longer than a round trip to the broker");
  const reconnectLimit =
    options.reconnectLimit === undefined ? undefined : durationMs(options.reconnectLimit, "worker: reconnectLimit");
  const queues = options.queues ?? [defaultQueue];
  if (queues.length === 0) throw invalid("queues", "[]", "at least one queue");
  const events = options.events ?? "auto";
  if (events !== true && events !== false && events !== "auto")
    throw invalid("events", events, 'true, false or "auto"');
  const { releaseMemory = false, maxResultBytes = defaultMaxResultBytes } = options;
  if (!isWhole(maxResultBytes) || maxResultBytes > mostResultBytes)
    throw invalid("maxResultBytes", maxResultBytes, `a whole number from 1 to ${mostResultBytes}`);
  const times = { lease, sweep, reconnectLimit } as const;
  return {
    queues,
    pool,
    concurrency,
    processes,
    ...times,
    events,
    maxTasksPerChild,
    releaseMemory,
    maxResultBytes,
    autoscale,
  };
}

const defaultMaxResultBytes = 8 * 1024 * 1024;

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 1;

function spread(concurrency: number, slotsPerChild: number | undefined, cores: number): number {
  return slotsPerChild === undefined ? cores : Math.ceil(concurrency / slotsPerChild);
}

function invalid(option: string, value: unknown, wanted: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `worker option "${option}" is ${String(value)}; it must be ${wanted}`, {
    details: { option, value },
  });
}

/** The server and what is apart on it, whoever logs in. */
export function scopeOf({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}
