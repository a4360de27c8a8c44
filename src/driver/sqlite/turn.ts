/** What the steps of one transaction tell each other, and what is to be done once it is committed. */

export interface Turn {
  /** Unix milliseconds. */
  readonly now: number;
  /** Milliseconds of the machine's monotonic clock, read before the transaction began. */
  readonly mono: number;
  /** Queues that got messages which can start now. */
  readonly ready: Set<number>;
  /** Deliveries that ended in this turn. */
  readonly ended: Set<number>;
  /** Ids whose stored state changed. */
  readonly stored: string[];
  /** Runs after the commit; never if it failed. */
  readonly after: (() => void)[];
  /** The earliest due time that was added. */
  due: number;
}

export function newTurn(now: number, mono: number): Turn {
  return { now, mono, ready: new Set(), ended: new Set(), stored: [], after: [], due: Infinity };
}
