/**
 * Loaded before `celeriac dashboard` where its memory is measured (`--import`): tells, when it is asked over the IPC channel, what V8 holds on
 * each of its threads. What it costs itself is some kilobytes.
 */

import v8 from "node:v8";
import { isMainThread, type Worker } from "node:worker_threads";

/** Of one thread's V8, bytes. */
export interface HeapFacts {
  readonly used: number;
  /** Resident. */
  readonly resident: number;
  /** Buffers and what else hangs on its objects and lies outside. */
  readonly external: number;
}

/** The main thread first. */
export type OwnMemory = readonly HeapFacts[];

const workers = new Set<Worker>();

async function look(): Promise<OwnMemory> {
  const others = await Promise.all([...workers].map((worker) => worker.getHeapStatistics()));
  return [v8.getHeapStatistics(), ...others].map(
    ({ used_heap_size: used, total_physical_size: resident, external_memory: external }) => ({
      used,
      resident,
      external,
    }),
  );
}

if (isMainThread) {
  process.on("worker", (worker) => {
    workers.add(worker);
    worker.once("exit", () => workers.delete(worker));
  });
  process.on("message", () => {
    look().then(
      (memory) => process.send?.(memory),
      () => process.send?.([]),
    );
  });
}
