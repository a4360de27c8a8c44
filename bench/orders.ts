/** What the benchmark tells a measured process, and what comes back. Times are milliseconds of the machine's monotonic clock. */

import type { Probe, SystemOptions } from "./system/system.ts";

export type Order =
  | { readonly do: "produce" | "work"; readonly options: SystemOptions }
  | {
      readonly do: "send";
      readonly how: "single" | "bulk";
      readonly count: number;
      /** Unanswered single calls, or tasks of one bulk call. */
      readonly inFlight: number;
      readonly bytes: number;
      /** For later, by so much; of bulk calls alone. */
      readonly delay?: string;
    }
  | { readonly do: "probe"; readonly bytes: number }
  /** A chord of so many members, from its start to the result of its body in the caller's hands. */
  | { readonly do: "chord"; readonly members: number }
  /** Answers when so many tasks have been completed since the process started. */
  | { readonly do: "await"; readonly count: number; readonly pids: readonly number[] }
  /** `memory`: collects garbage first where the process was started with `--expose-gc`. */
  | { readonly do: "done" | "handled" | "memory" | "close" };

/** Of the process itself, without children, MB. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
  /** Buffers and what else lies outside of the heap. */
  readonly external: number;
}

export interface Reply {
  readonly started?: number;
  readonly ended?: number;
  /** CPU ms used so far by each of the order's `pids` with its descendants, at `ended`. */
  readonly cpu?: readonly number[];
  readonly probe?: Probe;
  readonly done?: number;
  readonly handled?: readonly number[];
  readonly memory?: Memory;
}
