/** Queues, workers, schedules and dead letters. */

import type { Latency } from "./overview.ts";
import type { Answered, TaskRow } from "./task.ts";

export interface QueueList extends Answered {
  readonly items: readonly QueueRow[];
}

/** One line. In the past, what only the broker knows (priorities, paused, consumers) is absent. */
export interface QueueRow {
  readonly name: string;
  /** Could run now and nobody has it. */
  readonly ready: number;
  readonly priorities?: readonly { readonly priority: number; readonly count: number }[];
  readonly delayed?: number;
  /** In the hands of workers. */
  readonly leased?: number;
  readonly running: number;
  readonly oldest?: number;
  /** A second, over the last 5 minutes. */
  readonly rateIn: number;
  readonly rateOut: number;
  /** Milliseconds until it is empty at these rates; `null`: never. Absent: it is empty. */
  readonly drain?: number | null;
  readonly wait?: Latency;
  readonly run?: Latency;
  readonly consumers?: number;
  readonly paused?: boolean;
  /** Waiting tasks over the last hour, one number a minute, the newest last. */
  readonly depth: readonly number[];
  /** Of the broker, the history, or both? In the past always the history. */
  readonly source: "broker" | "history";
}

export interface MessagePage {
  readonly queue: string;
  readonly where: "ready" | "delayed" | "leased";
  readonly items: readonly MessageRow[];
  readonly next?: string;
}

export interface MessageRow {
  readonly key: string;
  readonly id?: string;
  readonly task?: string;
  readonly priority?: number;
  readonly since: number;
  readonly due?: number;
  readonly leaseUntil?: number;
  readonly worker?: string;
  readonly args?: string;
  readonly size: number;
}

export interface WorkerList extends Answered {
  readonly items: readonly WorkerRow[];
}

export interface WorkerRow {
  /** Node name, `name@host`. */
  readonly name: string;
  readonly online: boolean;
  /** First and last word of its present, or last, life. */
  readonly since: number;
  readonly heartbeat: number;
  readonly pid?: number;
  /** "celeriac 0.1.0", "py-celery 5.6.3". */
  readonly software?: string;
  readonly system?: string;
  readonly active: number;
  readonly processed?: number;
  readonly slots?: number;
  readonly pool?: string;
  /** Resident bytes of its process and its children's. */
  readonly rss?: number;
  /** Event-loop delay of the slowest of them, ms. */
  readonly lag?: number;
  readonly load?: readonly number[];
  readonly queues?: readonly string[];
  /** A second, over the last minute. */
  readonly throughput: number;
  /** 0…1, over the last hour. */
  readonly failureRate: number;
}

export interface WorkerDetail extends Answered {
  readonly row: WorkerRow;
  readonly children: readonly WorkerChild[];
  readonly running: readonly TaskRow[];
  /** Over the last hour, one sample a 10 s where there was one. */
  readonly samples: readonly WorkerSample[];
  /** Its former lives, the newest first, at most 50. */
  readonly lives: readonly {
    readonly from: number;
    readonly until: number;
    readonly pid?: number;
    readonly clean: boolean;
  }[];
  readonly limits: readonly {
    readonly task: string;
    readonly rate?: string;
    readonly soft?: number;
    readonly hard?: number;
  }[];
  /** Crashes and restarts of its children, the newest first, at most 100. */
  readonly incidents: readonly {
    readonly at: number;
    readonly kind: string;
    readonly pid?: number;
    /** What the worker said of it, by name: `code`, `signal`, `expected`, `why`, `ms`. */
    readonly detail: Readonly<Record<string, string | number | boolean>>;
  }[];
}

export interface WorkerChild {
  readonly pid: number;
  readonly slots: readonly {
    readonly id?: string;
    readonly task?: string;
    readonly since?: number;
    /** A task of a queue that is not shown to who looks. */
    readonly hidden?: boolean;
  }[];
  readonly done: number;
  readonly rss?: number;
  readonly lag?: number;
}

export interface WorkerSample {
  readonly at: number;
  readonly active: number;
  readonly load?: number;
  readonly rss?: number;
  readonly lag?: number;
}

export interface ScheduleList extends Answered {
  readonly items: readonly ScheduleRow[];
  /** Entries that cannot be read. */
  readonly unreadable: readonly { readonly name: string; readonly problem: string }[];
}

export interface ScheduleRow {
  readonly name: string;
  readonly task: string;
  /** "every 5 min", "0 7 * * 1-5 Europe/Berlin". */
  readonly spec: string;
  readonly source: "code" | "runtime";
  readonly paused: boolean;
  readonly queue?: string;
  /** The next runs, at most 20, none later than a day. */
  readonly next: readonly number[];
  /** Newest first, at most 20. */
  readonly ticks: readonly TickRow[];
  /** A tick that should have been sent and was not. */
  readonly missed?: number;
}

export interface TickRow {
  /** The planned moment. */
  readonly tick: number;
  readonly sent: number;
  /** Absent: nothing was sent for it. */
  readonly id?: string;
  /**
   * "skipped": used up without a run; "waiting": for the end of the run before; "refused": the broker was full, tried again; "broken": it
   * cannot be sent, and rests. Absent: no scheduler told of it.
   */
  readonly outcome?: "sent" | "skipped" | "waiting" | "refused" | "broken";
  /** "missed", "made-up", "too-many", "overlap", "late", or in words. */
  readonly why?: string;
  readonly row?: TaskRow;
}

export interface DeadLetterQuery {
  readonly queue?: string;
  readonly task?: string;
  readonly reason?: string;
  readonly after?: string;
  /** Default 50, at most 200. */
  readonly limit?: number;
}

export interface DeadLetterPage {
  readonly items: readonly DeadLetterRow[];
  readonly next?: string;
  /** Of those looked at, the largest first. */
  readonly groups: readonly { readonly reason: string; readonly task?: string; readonly count: number }[];
}

export interface DeadLetterRow {
  readonly key: string;
  readonly id?: string;
  readonly task?: string;
  readonly queue: string;
  readonly reason: string;
  readonly detail: string;
  readonly at: number;
  readonly args?: string;
  readonly attempts: readonly {
    readonly attempt: number;
    readonly worker: string;
    readonly pid?: number;
    readonly started: number;
    readonly ended?: number;
    readonly exit?: string;
    readonly error?: string;
    readonly stderr?: string;
  }[];
}

/** What filters offer: names seen in the kept history, the most frequent first, at most 1 000 of each. */
export interface Names {
  readonly tasks: readonly string[];
  readonly queues: readonly string[];
  readonly workers: readonly string[];
}
