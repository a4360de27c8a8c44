/**
 * Where outcomes are kept, in Celery's task-meta format. Only SUCCESS, FAILURE and REVOKED are final, because Python's
 * clients wait for these three only; the first final write wins and never changes.
 */

import type { Joins } from "./joins.ts";
import type { Ledger } from "./ledger.ts";
import type { Fence, Millis, Warning } from "./units.ts";

/** Celery's three: nothing else ends a wait in its clients. */
export type FinalState = "SUCCESS" | "FAILURE" | "REVOKED";

/** The codec's product: Celery's task meta, encoded once, plus what stores need to decide without parsing it. */
export interface ResultWrite {
  readonly id: string;
  readonly state: string;
  readonly final: boolean;
  readonly fence: Fence;
  readonly meta: Uint8Array;
  /** The same as text, where that is at hand; `meta` is then made when it is asked for. */
  readonly text?: string | undefined;
  readonly ttl: Millis | undefined;
  /** Where whoever sent the task waits for it. Only a store that answers instead of keeping reads this. */
  readonly reply?: { readonly queue: string; readonly correlationId: string } | undefined;
}
export interface StoredOutcome {
  readonly id: string;
  readonly state: string;
  readonly meta: Uint8Array;
}
export interface ResultStore {
  readonly features: { readonly manyReaders: boolean; readonly watch: boolean };
  open(signal: AbortSignal): Promise<readonly Warning[]>;
  close(): Promise<void>;
  /**
   * First final write wins; a fence below the highest that was stored for the id, or that `Ledger.begin` gave, is refused. Batched.
   * Non-final writes never overwrite final ones.
   */
  commit(batch: readonly ResultWrite[]): Promise<readonly ("stored" | "mine-already" | "already-final" | "fenced")[]>;
  get(ids: readonly string[]): Promise<readonly (StoredOutcome | undefined)[]>;
  /** Every stored state from now on, the present one first; ends after the final one. One connection for all watchers. */
  watch(id: string, signal: AbortSignal): AsyncIterable<StoredOutcome>;
  forget(ids: readonly string[]): Promise<void>;
  readonly checkpoints: Checkpoints | undefined;
  readonly ledger: Ledger | undefined;
  /** Absent where results are sent and not kept: no chord can end there. */
  readonly joins: Joins | undefined;
}
export interface Checkpoints {
  read(id: string): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Refused when a higher fence has read or written. */
  write(id: string, fence: Fence, name: string, value: Uint8Array, ttl: Millis): Promise<"stored" | "fenced">;
}
