/** What a worker is told and what it answers. The worker itself is loaded only when one is started, so producers stay small. */

import type { Duration } from "../task/duration.ts";
import type { App } from "./app.ts";
import { type BeatHandle, startBeat } from "./beat.ts";
import type { LogOption } from "./structured-log.ts";

/**
 * How a worker runs. Everything is optional.
 *
 * @example
 * ```ts
 * await using worker = await app.work({ queues: ["mail", "slow"], concurrency: 50 });
 * ```
 */
export interface WorkOptions {
  /** Default: the app's default queue. */
  readonly queues?: readonly string[];
  /** Tasks that run at once. Default: the number of processor cores. */
  readonly concurrency?: number;
  /** Let the number of tasks at once follow the load between these bounds, beginning with `min`; in place of `concurrency`. Default: it stays. */
  readonly autoscale?: { readonly max: number; readonly min: number };
  /** Where handlers run. Default "process". */
  readonly pool?: "process" | "thread" | "inline";
  /** Children of the pool. Default: the number of cores, at most `concurrency`. */
  readonly processes?: number;
  /** Most tasks at once in one child. Default: `concurrency` spread over `processes`. */
  readonly slotsPerChild?: number;
  /** A worker out of the broker's reach for this long loses its tasks to others. Default "30s". */
  readonly lease?: Duration;
  /** How often expired leases, and chords that others left open, are looked for. Default "5s". */
  readonly sweep?: Duration;
  /** A worker whose main thread has not turned for this long gives up its leases and ends. Default "60s". */
  readonly stallLimit?: Duration;
  /** A worker that has not reached its broker again for this long ends, and `closed` rejects with BACKEND_UNREACHABLE. Default: it tries for ever. */
  readonly reconnectLimit?: Duration;
  /** How long running tasks may go on at shutdown. Default "25s". */
  readonly grace?: Duration;
  /** A child is replaced after so many tasks. Default: never. */
  readonly maxTasksPerChild?: number;
  /** A child is replaced at this age. Default: never. */
  readonly maxAge?: Duration;
  /** A child over this many bytes of memory is replaced when idle. Default: never. */
  readonly recycleRss?: number;
  /** A child over this many bytes of memory is killed at once. Default: never. */
  readonly killRss?: number;
  /**
   * Give memory that V8 keeps in reserve back to the system when the worker has had nothing to do for five to ten seconds and has grown by a fifth; it stops this
   * thread for about 0.1 s, and leaves a heap of over 128 MiB alone. Children always do. Default: false in code, true from the command line.
   */
  readonly releaseMemory?: boolean;
  /** Heap ceiling of a child, MiB. Default: Node's own. */
  readonly memoryLimit?: number;
  /** Results over this many bytes fail their task with RESULT_TOO_LARGE. Default 8 MiB, at most 64 MiB. */
  readonly maxResultBytes?: number;
  /** How long tasks that this worker does not know are put back before they are dead-lettered. Default "10m". */
  readonly unknownTaskGrace?: Duration;
  /** Names of environment variables that children get besides PATH, HOME, LANG, TZ and NODE_*. */
  readonly env?: readonly string[];
  /** Name of this worker in lists and logs. Default: made from process id and host. */
  readonly name?: string;
  /** Run a scheduler beside it, as `app.beat()` does; any number of workers may. Default false. */
  readonly beat?: boolean;
  /**
   * Tell monitors of tasks, as Celery's workers with `-E`: `true` always, `false` once a monitor asks for it, "auto" as long as somebody
   * may be listening. Heartbeats are always sent. Default "auto".
   */
  readonly events?: boolean | "auto";
  readonly onEvent?: (event: WorkerEvent) => void;
  /**
   * Where the worker's log goes, with what its tasks write to `ctx.log`: "json" is pino's lines on standard output, "text" is for people, or a
   * logger such as pino's. Default: the app's `log`, or else "silent" in code and "text" from the command line.
   */
  readonly log?: LogOption;
}

/** What a worker tells of; the names that `worker.on` takes. In the log the colon is a dot, `task:buried` is `task.dead`. */
export type WorkerEventType =
  | "worker:ready"
  | "worker:stopping"
  | "worker:stopped"
  | "worker:warning"
  | "broker:connected"
  | "broker:disconnected"
  | "child:started"
  | "child:exited"
  | "child:retiring"
  | "child:output"
  | "task:received"
  | "task:started"
  | "task:progress"
  | "task:log"
  | "task:succeeded"
  | "task:failed"
  | "task:retried"
  | "task:revoked"
  | "task:rejected"
  | "task:buried"
  | "task:returned"
  | "task:lost"
  | "task:settled";

/**
 * Something that happened in a worker. Fields beyond the first three are there where they mean something.
 *
 * @example
 * ```ts
 * worker.on("task:failed", ({ task, id, text }) => console.error(task, id, text));
 * ```
 */
export interface WorkerEvent {
  readonly type: WorkerEventType;
  /** Unix milliseconds. */
  readonly at: number;
  readonly worker: string;
  readonly id?: string;
  readonly task?: string;
  readonly queue?: string;
  readonly attempt?: number;
  readonly fence?: number;
  /** State that was stored. */
  readonly state?: string;
  /** How long the run took, milliseconds. */
  readonly ms?: number;
  readonly pid?: number;
  /** Of the run's span, where the app has a `telemetry`. */
  readonly traceId?: string;
  readonly spanId?: string;
  readonly code?: string;
  readonly text?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A worker at one moment, as `worker.stats()` gives it. The counts are since its start. */
export interface WorkerStats {
  readonly id: string;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly busy: number;
  readonly received: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly revoked: number;
  readonly buried: number;
  /** Given back to the queue: shutdown, unknown tasks, deaths of neighbours. */
  readonly returned: number;
  /** Runs whose lease was lost, so that nothing of them was stored. */
  readonly lost: number;
  readonly children: readonly {
    readonly pid: number;
    readonly done: number;
    readonly rss: number;
    readonly lag: number;
    readonly busy: number;
  }[];
}

/**
 * A running worker. Stop it, or declare it with `await using`.
 *
 * @example
 * ```ts
 * const worker = await app.work();
 * process.once("SIGTERM", () => void worker.stop({ grace: "25s" }));
 * await worker.closed;
 * ```
 */
export interface WorkerHandle extends AsyncDisposable {
  readonly id: string;
  stats(): WorkerStats;
  /** Stops claiming, lets tasks run for `grace`, then gives the rest back. `cold`, or a second call: gives back at once. */
  stop(options?: { readonly grace?: Duration; readonly cold?: boolean }): Promise<void>;
  /** Resolves when the worker has ended; rejects if it ended by itself for a reason it could not repair. */
  readonly closed: Promise<void>;
  on(event: WorkerEventType, listener: (event: WorkerEvent) => void): Disposable;
}

/** Loads the worker and starts it, with a scheduler if that is wanted. */
export async function startWork(app: App, options: WorkOptions): Promise<WorkerHandle> {
  const { startWorker } = await import("../worker/start.ts");
  const worker = await startWorker(app, options);
  if (options.beat !== true) return worker;
  try {
    return withBeat(
      worker,
      await startBeat(app, { name: worker.id, ...(options.log !== undefined && { log: options.log }) }),
    );
  } catch (error) {
    await worker.stop({ cold: true });
    throw error;
  }
}

/** They end together, whichever ends first. */
function withBeat(worker: WorkerHandle, beat: BeatHandle): WorkerHandle {
  const closed = Promise.all([
    worker.closed.finally(() => void beat.stop().catch(() => {})),
    beat.closed.catch(async (error: unknown) => {
      await worker.stop();
      throw error;
    }),
  ]).then(() => {});
  closed.catch(() => {}); // whoever stops it hears of a failure too; `closed` alone may have no listener
  return {
    id: worker.id,
    closed,
    stats: () => worker.stats(),
    on: (type, listener) => worker.on(type, listener),
    async stop(how) {
      await beat.stop();
      await worker.stop(how);
    },
    async [Symbol.asyncDispose]() {
      await beat.stop();
      await worker[Symbol.asyncDispose]();
    },
  };
}
