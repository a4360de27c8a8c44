/** What the pages ask of the history, on whatever thread it is. */

import type { History } from "./history/history.ts";

type Asked =
  | "tasks"
  | "counts"
  | "task"
  | "rows"
  | "log"
  | "series"
  | "overview"
  | "queues"
  | "workers"
  | "worker"
  | "ticks"
  | "workflows"
  | "workflow"
  | "names"
  | "facts";

export type Past = {
  readonly [K in Asked]: (...asked: Parameters<History[K]>) => ReturnType<History[K]> | Promise<ReturnType<History[K]>>;
};
