/** When a result was committed, in the journal's time. */

import type { FaultEntry } from "./history.ts";
import type { Run } from "./journal.ts";

export interface CommitTime {
  readonly after: number;
  readonly before: number;
}

/**
 * A stored result tells the time of the server as its worker reckons it, or of the worker itself. While one of their clocks is off, and for
 * `shadow` ms after it (`jumps`), that says nothing; then only the end of the run that committed counts, which the journal knows.
 */
export function commitTime(
  { fence, at }: { readonly fence: number; readonly at: number },
  { starts, ends }: { readonly starts: readonly Run[]; readonly ends: readonly Run[] },
  jumps: readonly FaultEntry[],
  shadow: number,
): CommitTime {
  const from = starts[0]?.t ?? 0;
  const to = Math.max(starts.at(-1)?.t ?? 0, ends.at(-1)?.t ?? 0) + shadow;
  const off = jumps.some(({ t, until }) => t <= to && until + shadow >= from);
  if (!off) return { after: at, before: at };
  return { after: ends.find((end) => end.fence === fence)?.t ?? -Infinity, before: Infinity };
}
