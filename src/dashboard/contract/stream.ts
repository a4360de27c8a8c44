/**
 * The one stream of server-sent events, `GET /api/stream?topics=…&topics=…`, each of them overview, tasks, task:ID, workflow:ROOT,
 * queues, workers, schedules or dead. It tells what changed, not all there is: a page asks once, then follows. Each event's `id:` resumes it (`Last-Event-ID`); a client
 * that was away too long, or reads too slowly, is told `reset` and asks again.
 */

import type { QueueRow, WorkerRow } from "./cluster.ts";
import type { Overview } from "./overview.ts";
import type { HistoryFacts } from "./session.ts";
import type { LogLine, TaskRow } from "./task.ts";

export type StreamEvent =
  /** At most one a second, for `overview`. */
  | { readonly type: "overview"; readonly now: Overview["now"]; readonly health: Overview["health"] }
  /** For `tasks`: rows that are new or changed, at most 200 a second; `more` counts those that are not told. */
  | { readonly type: "tasks"; readonly rows: readonly TaskRow[]; readonly more: number }
  /** For `task:ID` and `workflow:ROOT`: something happened to it, ask again. */
  | { readonly type: "task"; readonly id: string; readonly row: TaskRow }
  | { readonly type: "log"; readonly id: string; readonly lines: readonly LogLine[] }
  | { readonly type: "workflow"; readonly root: string }
  | { readonly type: "queues"; readonly rows: readonly QueueRow[] }
  | { readonly type: "workers"; readonly rows: readonly WorkerRow[] }
  /** Ask again for that page. */
  | { readonly type: "schedules" | "dead" }
  | {
      readonly type: "action";
      readonly audit: string;
      readonly done: number;
      readonly failed: number;
      readonly pending: boolean;
    }
  | { readonly type: "history"; readonly history: HistoryFacts }
  | { readonly type: "broker"; readonly connected: boolean }
  | { readonly type: "reset"; readonly why: "slow" | "gap" };
