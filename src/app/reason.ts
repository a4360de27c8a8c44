/** Why a task is not running, as facts: what `app.explain` gives, and what the dashboard and the command line show. Times are unix milliseconds. */

/** The states a person sees, one word each. `delayed` becomes `queued` when its time comes; `dead` lies among the dead letters. */
export type Standing = "queued" | "delayed" | "running" | "retrying" | "succeeded" | "failed" | "revoked" | "dead";

/**
 * "Why is this not running?"
 *
 * @example
 * ```ts
 * const { state, reasons } = await app.explain(sent.id);
 * for (const { kind, text, remedy } of reasons) console.log(state, kind, text, remedy);
 * ```
 */
export interface Explanation {
  readonly id: string;
  readonly state: Standing | "unknown";
  /** Task and queue, where the message tells them. */
  readonly task?: string;
  readonly queue?: string;
  /** Which attempt runs or comes next, from 1. */
  readonly attempt?: number;
  /** The first is the one to act on. What it waits for is followed: the reasons of that come after it. */
  readonly reasons: readonly Reason[];
}

/**
 * One link of the chain; `text` says it in words, and `remedy` what to press or type.
 *
 * @example
 * ```ts
 * const { reasons } = await app.explain(sent.id);
 * for (const { kind, text, remedy } of reasons) console.log(kind, text, remedy ?? "");
 * ```
 */
export type Reason = { readonly text: string; readonly remedy?: string } & Fact;

export type Fact =
  | { readonly kind: "queue-paused"; readonly queue: string }
  | { readonly kind: "no-worker"; readonly queue: string }
  | {
      readonly kind: "no-worker-for-task";
      readonly queue: string;
      readonly task: string;
      /** Those that take from the queue. */
      readonly workers: readonly string[];
    }
  | {
      readonly kind: "workers-offline";
      readonly queue: string;
      readonly workers: readonly string[];
      readonly since?: number;
    }
  | {
      readonly kind: "workers-busy";
      readonly queue: string;
      readonly busy: number;
      readonly slots: number;
      /** What has run longest there, and since when. */
      readonly oldest?: { readonly id: string; readonly since: number };
    }
  | { readonly kind: "rate-limited"; readonly limit: string; readonly until?: number }
  | {
      readonly kind: "concurrency-limited";
      /** Whose runs are counted: the task's, or those of one key of it. */
      readonly key: string;
      /** Ids of the tasks that have the places. */
      readonly holders: readonly string[];
      /** How many stand in line, itself among them. */
      readonly waiting: number;
    }
  | { readonly kind: "delayed"; readonly until: number }
  /** Another call with its key: it waits for the run before it, for calls to cease, or for the end of a period. */
  | {
      readonly kind: "waits-for-calls";
      readonly by: "unique" | "queueLatest" | "debounce" | "throttle";
      readonly key: string;
      readonly until: number;
    }
  | { readonly kind: "retry-wait"; readonly attempt: number; readonly until: number; readonly error?: string }
  | { readonly kind: "running"; readonly worker: string; readonly since?: number; readonly until?: number }
  | { readonly kind: "leased"; readonly worker: string; readonly until: number; readonly alive: boolean }
  /** A worker has it, and it waits there for a place. */
  | { readonly kind: "claimed"; readonly worker: string; readonly before: number }
  | {
      readonly kind: "behind";
      readonly queue: string;
      readonly ahead: number;
      readonly priority?: number;
      /** Its key, where keys take turns: `ahead` counts what comes before its turn. */
      readonly key?: string;
      readonly wait?: number;
    }
  | {
      readonly kind: "waits-for";
      readonly ids: readonly string[];
      readonly states: Readonly<Partial<Record<Standing, number>>>;
    }
  | {
      readonly kind: "waits-for-group";
      readonly group: string;
      readonly arrived: number;
      readonly size: number;
      /** Ids of those that arrived without success: the body will not run. */
      readonly failed?: readonly string[];
    }
  | { readonly kind: "crash-suspect"; readonly crashes: number }
  | { readonly kind: "revoked"; readonly by: "id" | "stamp"; readonly at?: number }
  | { readonly kind: "expired"; readonly at: number }
  | { readonly kind: "ended"; readonly state: "succeeded" | "failed"; readonly at?: number; readonly error?: string }
  | { readonly kind: "dead"; readonly reason: string; readonly detail: string; readonly at: number }
  | { readonly kind: "schedule-paused"; readonly schedule: string }
  | { readonly kind: "not-found"; readonly looked: readonly string[] };
