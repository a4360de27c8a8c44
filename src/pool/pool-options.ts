/** What the pools are made with. Sizes in bytes, times in milliseconds. */

import type { Clock } from "../clock/clock.ts";
import type { TaskRegistry } from "../task/registry.ts";
import type { Telemetry } from "../task/telemetry.ts";
import type { PoolHooks } from "./pool.ts";

export interface InlinePoolOptions {
  readonly registry: TaskRegistry;
  readonly telemetry?: Telemetry | undefined;
  readonly slots: number;
  readonly hooks: PoolHooks;
  readonly maxResultBytes: number;
  readonly clock: Clock;
}

/** For threads and processes: both import the app on their far side. */
export interface PoolOptions {
  /** Absolute URL of the module that exports the app, and the name of the export. */
  readonly app: { readonly url: string; readonly export: string };
  /** Calls at once, in all children together. */
  readonly slots: number;
  readonly children: number;
  readonly hooks: PoolHooks;
  /** A child that was given this many calls takes no more and is replaced. */
  readonly maxTasks?: number | undefined;
  readonly maxAge?: number | undefined;
  /** Replaced when its memory is above. Processes: resident set. Threads: heap and buffers. */
  readonly recycleRss?: number | undefined;
  /** Killed, with what it runs, when its memory is above. */
  readonly killRss?: number | undefined;
  /** Most old-generation heap of a child; V8 ends the child above it. Buffers are not counted: `killRss` is for them. */
  readonly memoryLimit?: number | undefined;
  readonly maxResultBytes: number;
  /** How long the neighbours of a task that overran its hard limit may go on before their child is killed. */
  readonly drain: number;
  /** Names of environment variables let through, besides PATH HOME LANG TZ and NODE_*. */
  readonly env: readonly string[];
  readonly clock: Clock;
  /**
   * Until when the call in `slot`, which is given to a child now, may be begun, ms of the machine's monotonic clock. A child that was stopped
   * with the call in its pipe wakes up after the lease is over, and maybe without its worker: it must know by itself. Default: for ever.
   */
  readonly startBy?: ((slot: number) => number) | undefined;
  /** The worker's own list; a child whose list differs is refused. */
  readonly expectedTasks: readonly TaskShape[];
  /** A line that a child wrote to stdout or stderr; `task` is the id of the task that wrote it, where that is known. */
  readonly onLine?:
    | ((child: number, stream: "stdout" | "stderr", text: string, task: string | undefined) => void)
    | undefined;
  readonly onChild?: ((event: ChildEvent) => void) | undefined;
}

export interface TaskShape {
  readonly name: string;
  readonly shape: string;
}

/** What happened to a child, for logs and metrics. `child` is its pid; for a thread its thread id. */
export type ChildEvent =
  | { readonly kind: "ready"; readonly child: number; readonly ms: number }
  | { readonly kind: "retiring"; readonly child: number; readonly why: RetireReason }
  | { readonly kind: "killed"; readonly child: number; readonly why: KillReason }
  | {
      readonly kind: "ended";
      readonly child: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly expected: boolean;
    }
  /** Its loop has not answered for `ms`; reported once each time. Only limits kill it. */
  | { readonly kind: "stalled"; readonly child: number; readonly ms: number }
  /** A replacement did not come up; the next try is `retryIn` ms away. */
  | { readonly kind: "failed"; readonly child: number; readonly error: Error; readonly retryIn: number };

export type RetireReason =
  | "max-tasks"
  | "max-age"
  | "memory"
  | "restart"
  | "resize"
  | "hard-limit"
  | "terminated"
  | "isolated"
  | "close";
export type KillReason = "hard-limit" | "terminated" | "memory" | "drain" | "close" | "boot";
