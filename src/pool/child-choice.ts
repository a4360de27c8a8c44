/** Which child takes the next call, and how many more each may take. */

import type { Child } from "./child.ts";

export interface Shares {
  readonly slots: number;
  /** Children that the slots are shared among. */
  readonly children: number;
  readonly maxTasks: number;
}

/** How many more calls `child` may take now. */
export function capacityOf(child: Child, { slots, children, maxTasks }: Shares): number {
  if (!child.accepts) return 0;
  return Math.max(0, Math.min(Math.ceil(slots / children) - child.load, maxTasks - child.assigned));
}

/** The least busy; one whose successor is on its way only if no other has room. */
export function leastBusy(children: Iterable<Child>, shares: Shares): Child | undefined {
  let best: Child | undefined;
  let bestScore = Infinity;
  for (const child of children) {
    if (capacityOf(child, shares) === 0) continue;
    const score = child.load + (child.phase === "expiring" ? shares.slots : 0);
    if (score < bestScore) {
      best = child;
      bestScore = score;
    }
  }
  return best;
}
