/**
 * What a person can press. Every action is one POST with an {@link ActionRequest}; who may do it is in {@link Session.may}. Actions on
 * many tasks name them by ids or by the filter that shows them; `expect` guards against a filter that meanwhile fits far more.
 */

import type { Answered, TaskFilter } from "./task.ts";

/** Which tasks an action is for. */
export type TaskSelection =
  | { readonly ids: readonly string[] }
  /** All that fit now. `expect`: how many the person saw; with a tenth and 100 more than that nothing is done. */
  | { readonly filter: TaskFilter; readonly expect: number };

export type ActionRequest =
  /** Again with the same id and input, results removed first; of dead letters a redrive. */
  | { readonly do: "task.retry"; readonly tasks: TaskSelection }
  /** Out of its queue, or asked to stop where it runs. */
  | { readonly do: "task.cancel"; readonly tasks: TaskSelection }
  | {
      readonly do: "task.revoke";
      readonly tasks: TaskSelection;
      readonly terminate?: boolean;
      readonly signal?: string;
    }
  /**
   * What waits goes to the front or the end of its queue, or into another; what a worker holds is taken from it and put back there; a dead
   * letter is redriven. What is not due yet keeps its moment. `at`: default "front". Not in `may` where the broker moves no single messages.
   */
  | {
      readonly do: "task.requeue";
      readonly tasks: TaskSelection;
      readonly at?: "front" | "back";
      readonly queue?: string;
    }
  /** A new task with another input; `args` is a JSON list, `kwargs` a JSON object. */
  | {
      readonly do: "task.edit-and-run";
      readonly id: string;
      readonly task: string;
      readonly queue?: string;
      readonly args: string;
      readonly kwargs: string;
      /** Milliseconds from now. */
      readonly delay?: number;
    }
  | { readonly do: "queue.pause" | "queue.resume"; readonly queue: string }
  /** `typed` must be the queue's name. */
  | {
      readonly do: "queue.purge";
      readonly queue: string;
      readonly typed: string;
      readonly ready: boolean;
      readonly delayed: boolean;
    }
  | { readonly do: "worker.grow" | "worker.shrink"; readonly worker: string; readonly by: number }
  | { readonly do: "worker.autoscale"; readonly worker: string; readonly min: number; readonly max: number }
  | { readonly do: "worker.restart-pool" | "worker.shutdown"; readonly worker: string }
  | { readonly do: "worker.add-consumer" | "worker.cancel-consumer"; readonly worker: string; readonly queue: string }
  /** Absent worker: all of them, and those to come. `rate` as Celery writes it: "10/m"; "0": none. Limits in seconds. */
  | { readonly do: "limit.rate"; readonly task: string; readonly rate: string; readonly worker?: string }
  | {
      readonly do: "limit.time";
      readonly task: string;
      readonly soft?: number;
      readonly hard?: number;
      readonly worker?: string;
    }
  | { readonly do: "schedule.pause" | "schedule.resume" | "schedule.run"; readonly schedule: string }
  | { readonly do: "dead.redrive" | "dead.drop"; readonly letters: LetterSelection };

/** Which dead letters. */
export type LetterSelection =
  | { readonly keys: readonly string[] }
  | {
      readonly filter: { readonly queue?: string; readonly task?: string; readonly reason?: string };
      readonly expect: number;
    };

export type ActionKind = ActionRequest["do"];

export interface ActionResult {
  /** Of the audit log. */
  readonly audit: string;
  /** How many it was done to. */
  readonly done: number;
  /** To whom it was not done, and why; at most 100, `failed` counts them all. */
  readonly failures: readonly { readonly subject: string; readonly code: string; readonly text: string }[];
  readonly failed: number;
  /** Not waited for: it goes on, and the stream tells of it. */
  readonly pending: boolean;
  /** Of what was sent anew. */
  readonly id?: string;
  /** What was said in answer, by worker. */
  readonly replies?: Readonly<Record<string, { readonly ok?: string; readonly error?: string }>>;
}

/** Body of every answer that is not 2xx. */
export interface ApiFailure {
  /**
   * A code of docs/errors.md, or "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "READ_ONLY", "STALE_SELECTION", "BAD_REQUEST", "TOO_LARGE",
   * "BUSY", "TIMEOUT", "LOGIN_PROVIDER", "INTERNAL". Failures of an action also have "INPUT_UNKNOWN", "TASK_ENDED", "TASK_OPEN", "TASK_DELAYED",
   * "WORKER_REFUSED", "NO_ANSWER".
   */
  readonly code: string;
  readonly text: string;
  /** The field at fault. */
  readonly field?: string;
}

export interface AuditPage extends Answered {
  readonly items: readonly AuditRow[];
  readonly next?: string;
}

export interface AuditRow {
  readonly id: string;
  readonly at: number;
  readonly user: string;
  readonly address?: string;
  readonly do: ActionKind;
  /** The request, redacted. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly done: number;
  readonly failed: number;
  readonly refused?: string;
}
