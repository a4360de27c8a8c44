/** Where handlers run. Three implementations, one conformance suite (`testing/conformance/pool.ts`). */

import type { StopSign } from "../clock/stop.ts";
import type { SentTask } from "../task/running.ts";
import type { Ask, Call, Reply } from "./pool-message.ts";

export interface PoolHooks {
  /** The handler of this call was started, in the process `pid`. */
  began(slot: number, pid: number): void;
  progress(slot: number, done: number, total: number | null, note: string | null): void;
  log(slot: number, level: number, text: string, fields: string | null): void;
  ask(slot: number, what: Ask): Promise<unknown>;
  /** The handler sent these by itself: it runs where the connection is. */
  sent?(slot: number, sent: readonly SentTask[]): void;
}
export interface Pool {
  readonly size: { readonly slots: number; readonly busy: number; readonly children: readonly ChildInfo[] };
  /** Resolves when every first child answered `ready` with the same task list; rejects with APP_LOAD_FAILED and the child's own error. */
  open(): Promise<void>;
  /** A free slot for this call NOW? The worker asks before it claims, so nothing waits inside the pool. */
  room(call: { readonly isolated: boolean }): number;
  /** Never rejects: a death is an outcome. */
  run(call: Call, signal: StopSign): Promise<PoolOutcome>;
  /**
   * Ends this run by force, whatever it does: its outcome is `lost`, as a bystander, at once. Its child is killed as soon as nothing else
   * runs there, or can. False where nothing can be ended so: the inline pool, a slot that is free.
   */
  terminate(slot: number): boolean;
  /** No more calls come: runs that wait for others to be one batch begin. */
  hurry(): void;
  resize(slots: number, children: number): Promise<void>;
  restart(): Promise<void>; // drain-and-replace, one child at a time
  close(grace: number): Promise<readonly number[]>; // slots that did not end: give their deliveries back
}
export type PoolOutcome =
  | Reply
  /** The same as text, where no process lies between; `bytes` are then made when they are asked for. */
  | (Extract<Reply, { readonly k: "value" }> & { readonly text: string })
  | {
      readonly slot: number;
      readonly k: "lost";
      readonly began: boolean;
      readonly culprit: "sure" | "suspect" | "bystander";
      readonly code: number | null;
      readonly signal: string | null;
      readonly stderrTail: string;
    }
  | { readonly slot: number; readonly k: "hard-limit"; readonly limit: number };
export interface ChildInfo {
  readonly pid: number;
  readonly started: number;
  readonly done: number;
  readonly rss: number;
  readonly lag: number;
  readonly slots: readonly number[];
}
