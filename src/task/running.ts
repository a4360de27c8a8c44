/**
 * Which task is running here: what `enqueue` inside a handler inherits, and, in the far side of a pool, the way back to the
 * worker, which alone holds the connection.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { ResultTuple } from "../wire/outcome.ts";
import type { TaskContext } from "./context.ts";
import type { BrokerName } from "./telemetry.ts";

/** What the far side of a pool asks of its worker; `Ask` in the pool's messages is assignable to it. */
export type TaskAsk =
  | { readonly k: "checkpoint"; readonly name: string; readonly value: string }
  | { readonly k: "send"; readonly batch: readonly { readonly signature: object; readonly options: object }[] }
  | { readonly k: "state"; readonly state: string; readonly meta: string }
  | { readonly k: "get"; readonly id: string }
  /** One more member for the chord that the task is a member of: a signature as JSON text; answered with the id it was sent with. */
  | { readonly k: "member"; readonly signature: string };

/** What was sent, for the list of a task's children: a task's id, or a workflow's place as Celery's result tuple. */
export type SentTask = string | ResultTuple;

export interface RunSurroundings {
  /** A suspect of a crash: nothing is to run with it. */
  readonly alone: boolean;
  /** How many more runs could come now. */
  readonly room: () => number;
  /** Aborts when no more will come. */
  readonly closing: AbortSignal;
}

export interface RunningTask {
  readonly context: TaskContext;
  readonly lineage: {
    readonly root: string;
    /** The id of the running task: the parent of what it enqueues. */
    readonly parent: string;
    readonly stamps: Readonly<Record<string, unknown>> | undefined;
  };
  /** Set in children and threads: sends and result reads go through the worker. */
  readonly ask: ((what: TaskAsk) => Promise<unknown>) | undefined;
  /** The worker's broker, for traces of what is sent; absent where it is not traced. */
  readonly broker?: BrokerName | undefined;
  /** What comes beside it, for handlers that take many runs at once; absent where nobody knows. */
  readonly around?: RunSurroundings | undefined;
  /** Told what was sent without asking, in a pool without children. */
  readonly sent?: ((sent: readonly SentTask[]) => void) | undefined;
}

/** One per process, also with two copies of this package loaded: the handler may import another copy than its runner. */
const key = Symbol.for("celeriac.running");
const holder = globalThis as { [key]?: AsyncLocalStorage<RunningTask | undefined> };
const storage = (holder[key] ??= new AsyncLocalStorage<RunningTask | undefined>());

/** The task whose handler called this, however deep; `undefined` outside of one. */
export function runningTask(): RunningTask | undefined {
  return storage.getStore();
}

/** Runs `fn` as part of `running`, with everything it starts. */
export function withRunningTask<A extends readonly unknown[], T>(
  running: RunningTask,
  fn: (...args: A) => T,
  ...args: A
): T {
  return storage.run(running, fn, ...args);
}

/** Runs `fn` as part of no task: for what serves a task without belonging to it. */
export function outsideOfTasks<T>(fn: () => T): T {
  return storage.run(undefined, fn);
}
