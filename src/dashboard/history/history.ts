/**
 * What happened, kept: events go in, and every question of the dashboard is answered for now or for any moment since. Bounded by age and
 * size. It never rejects what it is told and never harms who tells it: what cannot be kept is a warning and a gap. One thread is enough;
 * `history-thread.ts` gives it one of its own.
 */

import type { EventBatch } from "../../app/events.ts";
import type { Clock } from "../../clock/clock.ts";
import type { Warning } from "../../port/units.ts";
import type {
  Answered,
  Gap,
  HistoryFacts,
  LogPage,
  LogQuery,
  Names,
  Overview,
  QueueList,
  Range,
  Series,
  SeriesQuery,
  TaskCounts,
  TaskDetail,
  TaskFilter,
  TaskPage,
  TaskQuery,
  TaskRow,
  TickRow,
  WorkerDetail,
  WorkerList,
  WorkflowGraph,
  WorkflowPage,
  WorkflowQuery,
} from "../contract.ts";
import { queuesOf, ticksOf, workerOf, workersOf } from "./cluster-page.ts";
import { namesOf } from "./names.ts";
import { type Database, inMemory, openForReading } from "./database.ts";
import type { QueueLevel } from "./levels.ts";
import { overviewOf } from "./overview-page.ts";
import { seriesOf } from "./series.ts";
import { detailOf, logOf, rowsNow } from "./task-detail.ts";
import { type Asking, countsOf, pageOf } from "./task-page.ts";
import { Words } from "./words.ts";
import { workflowOf, workflowsOf } from "./workflow-page.ts";
import { HistoryWriter } from "./writer.ts";

export interface HistoryOptions {
  /** Its file, made if it is not there; ":memory:" keeps it until the process ends. */
  readonly path: string;
  readonly clock: Clock;
  /** Default 7 days, ms. */
  readonly maxAge?: number;
  /** Default 1 GiB. */
  readonly maxBytes?: number;
  readonly warn?: (warning: Warning) => void;
}

const usualAge = 7 * 86_400_000;
const usualBytes = 1024 ** 3;
/** What has come is written so often, ms. */
const flushing = 250;
/** Goes of forgetting between two writes: each is some 30 ms. */
const mostSweeps = 3;

export class History {
  readonly #options: HistoryOptions;
  readonly #writer: HistoryWriter;
  readonly #timer: Disposable;
  #reader: { readonly database: Database; readonly words: Words; readonly generation: number } | undefined;
  #closed = false;
  #round = 0;

  /** Throws DATABASE_FOREIGN and DATABASE_VERSION for a file that is not to be touched, BACKEND_UNREACHABLE where none can be. */
  constructor(options: HistoryOptions) {
    const { path, clock, maxAge = usualAge, maxBytes = usualBytes, warn = (): void => {} } = options;
    this.#options = options;
    this.#writer = new HistoryWriter({ path, now: () => clock.now(), warn, maxAge, maxBytes });
    this.#timer = clock.every(flushing, () => this.#turn());
  }

  /** Takes what was heard; written within a quarter of a second. Never throws. */
  ingest(batch: EventBatch): void {
    if (!this.#closed) this.#writer.ingest(batch);
  }

  /** What the broker says of its queues now. Never throws. */
  sample(queues: readonly QueueLevel[]): void {
    if (!this.#closed) this.#writer.sample(queues);
  }

  /** Writes what has come so far. Never throws. */
  flush(): void {
    if (!this.#closed) this.#writer.flush();
  }

  /** Forgets what is too old or too much, a little. True: there is more. Never throws. */
  sweep(): boolean {
    return !this.#closed && this.#writer.sweep();
  }

  #turn(): void {
    this.flush();
    // Looking for what is old costs a fraction of a millisecond; once a second will do, unless there is much.
    if (this.#round++ % 4 !== 0) return;
    for (let sweeps = 0; sweeps < mostSweeps * 4 && this.sweep(); sweeps++);
  }

  /** Writes what is left. Safe twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer[Symbol.dispose]();
    this.#dropReader();
    this.#writer.close();
  }

  tasks(query: TaskQuery): TaskPage {
    return this.#answer(query, (asking) => pageOf(asking, query));
  }

  counts(filter: TaskFilter): TaskCounts {
    return this.#answer(filter, (asking) => countsOf(asking, filter));
  }

  /** `undefined`: nobody has told of it by then. */
  task(id: string, at?: number): Omit<TaskDetail, "actions"> | undefined {
    return this.#answer({ at }, (asking) => detailOf(asking, id, at ?? asking.now));
  }

  /** Lines of the table of these tasks now, of those that are known. */
  rows(ids: readonly string[]): readonly TaskRow[] {
    return this.#read((asking) => rowsNow(asking, ids));
  }

  log(id: string, query: LogQuery = {}): LogPage {
    return this.#answer(query, (asking) => logOf(asking, id, query));
  }

  /** @param queues whose levels are told; default all. */
  series(query: SeriesQuery, queues?: readonly string[]): Series {
    return this.#answer(query, (asking) => seriesOf(asking, query, queues));
  }

  /** @param queues whose levels are told; default all. */
  overview(query: Range & { readonly at?: number }, queues?: readonly string[]): Overview {
    return this.#answer(query, (asking, gaps) => {
      const { series, ...overview } = overviewOf(asking, query, queues);
      return { ...overview, series: { ...series, gaps } };
    });
  }

  queues(at?: number): QueueList {
    return this.#answer({ at }, (asking) => ({ at: at ?? asking.now, items: queuesOf(asking, at ?? asking.now) }));
  }

  workers(at?: number): WorkerList {
    return this.#answer({ at }, (asking) => ({ at: at ?? asking.now, items: workersOf(asking, at ?? asking.now) }));
  }

  /** What only a living worker can tell (its children, its limits) is not in it. */
  worker(name: string, at?: number): Omit<WorkerDetail, "limits" | "children"> | undefined {
    return this.#answer({ at }, (asking) => workerOf(asking, name, at ?? asking.now));
  }

  /** Of one schedule, the newest first. */
  ticks(schedule: string, at?: number, limit = 20): readonly TickRow[] {
    return this.#read((asking) => ticksOf(asking, schedule, at ?? asking.now, limit));
  }

  workflows(query: WorkflowQuery): WorkflowPage {
    return this.#answer(query, (asking) => workflowsOf(asking, query));
  }

  workflow(root: string, at?: number): WorkflowGraph | undefined {
    return this.#answer({ at }, (asking) => workflowOf(asking, root, at ?? asking.now));
  }

  /** `queues`: of these alone, and of the tasks those that came by there last. Default: all. */
  names(queues?: readonly string[]): Names {
    return this.#read((asking) => namesOf(asking, queues));
  }

  facts(): HistoryFacts {
    const { maxAge = usualAge, maxBytes = usualBytes } = this.#options;
    const { trouble, events } = this.#writer;
    return this.#read(({ database }) => {
      const since = sinceOf(database);
      return {
        recording: trouble === undefined,
        events,
        // Asked for both in one, SQLite reads all rows: 0.7 s of three million tasks.
        tasks: database.number("SELECT (SELECT max(id) FROM task) - (SELECT min(id) FROM task) + 1"),
        bytes: database.number("PRAGMA page_count") * database.number("PRAGMA page_size"),
        maxBytes,
        maxAge,
        ...(trouble !== undefined && { warning: trouble }),
        ...(since !== undefined && { since }),
      };
    });
  }

  /** The answer with what is missing in its stretch. */
  #answer<T extends object | undefined>(
    { at, from, until }: { readonly at?: number | undefined; readonly from?: number; readonly until?: number },
    ask: (asking: Asking, gaps: readonly Gap[]) => T,
  ): T & Omit<Answered, "at"> {
    return this.#read((asking) => {
      const end = Math.min(until ?? Infinity, at ?? asking.now);
      const gaps = gapsOf(asking.database, from ?? end - 60_000, end);
      const answer = ask(asking, gaps);
      if (answer === undefined) return answer as T & Omit<Answered, "at">;
      const since = sinceOf(asking.database);
      return { ...answer, gaps, ...(since !== undefined && { since }) };
    });
  }

  /** What was told before is in the answer. All of one answer is of one state of the file. */
  #read<T>(ask: (asking: Asking) => T): T {
    this.flush();
    const { clock } = this.#options;
    const { database, words } = this.#connection();
    return database.transaction("BEGIN", () =>
      ask({ database, words, now: Math.floor(clock.now()), elapsed: () => clock.monotonic() }),
    );
  }

  #connection(): { readonly database: Database; readonly words: Words } {
    const { generation } = this.#writer;
    if (this.#reader?.generation === generation) return this.#reader;
    this.#dropReader();
    const { path } = this.#options;
    const database = path === inMemory ? this.#writer.database : openForReading(path);
    const reader = { database, words: new Words(database), generation };
    this.#reader = reader;
    return reader;
  }

  #dropReader(): void {
    if (this.#options.path !== inMemory) this.#reader?.database.close();
    this.#reader = undefined;
  }
}

/** Before it nothing is kept. */
function sinceOf(database: Database): number | undefined {
  const since = database.number("SELECT max(value) FROM fact WHERE key IN ('first', 'horizon')");
  return since > 0 ? since : undefined;
}

function gapsOf(database: Database, from: number, until: number): readonly Gap[] {
  return database
    .query("SELECT start, until, why FROM gap WHERE start <= ? AND until >= ? ORDER BY start DESC LIMIT 100")
    .all(until, from)
    .map(([start, end, why]) => ({ from: start as number, until: end as number, why: why as Gap["why"] }))
    .toReversed();
}
