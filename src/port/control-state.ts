/** Small shared facts that must outlive every process: schedules, later revokes, pauses and limits. Versioned, so that a poll is one number. */

import type { ServerTime } from "./units.ts";

/** The kind of facts whose keys are ids of tasks that are not to run. A driver that knows keys of calls looks for them. */
export const revokedKind = "revoked";

/** One fact; its key is unique within its kind. */
export interface ControlFact {
  /** "schedule", …: letters, digits and "-". */
  readonly kind: string;
  readonly key: string;
  /** JSON, read by the core alone. `null`: it is no more; told once to those who knew it. */
  readonly value: string | null;
  /** Forgotten after this moment. Absent: kept. */
  readonly until?: ServerTime;
}

export interface ControlState {
  /**
   * What changed after version `since`, and the version that stands now. A fact that changed twice comes once, as it is. Deleted facts are
   * told as `null` for at least a day after; a reader older than that, one who knows nothing yet (0), and one who knows more than a
   * server that lost its last writes, is given everything that exists, with `complete: true`: what it knows beside is gone.
   */
  changes(since: number): Promise<{
    readonly version: number;
    readonly changed: readonly ControlFact[];
    readonly complete: boolean;
  }>;
  /**
   * Only where answers to a consumer of the same server bring the version along: `take` is called with it, so that nobody needs to ask. That is with
   * each claim, whose messages are handed out after what it returns has settled, and every few seconds while the consumer is idle.
   * Returns how to end it.
   */
  follow?(take: (version: number) => Promise<unknown> | undefined): () => void;
  /** All or nothing, at most 1 000; resolves with the version that holds them. Of two for one fact the last counts. */
  set(facts: readonly ControlFact[]): Promise<number>;
  /**
   * Writes one fact only where `value` still is what stands there (`null`: nothing does). For two who change the same entry at once.
   * False may also mean that an answer was lost on the way and its repeat found what we wrote: read again.
   */
  replace(fact: ControlFact, value: string | null): Promise<boolean>;
}
