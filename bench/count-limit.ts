/** How much more than what is kept a count may be. */

import type { Count, Counts } from "./counts.ts";

interface Slack {
  readonly factor: number;
  readonly more: number;
}
/**
 * Wider than what rounds differ by on a machine with 18 times the load it has cores for, narrower than one command more for each task, in the
 * dearest case too. Scripts depend on how full batches are, so on the load; they are shown and not judged.
 */
const slack: Readonly<Partial<Record<Count, Slack>>> = {
  commands: { factor: 1.06, more: 0.45 },
  bytesIn: { factor: 1.1, more: 30 },
  bytesOut: { factor: 1.3, more: 150 },
};
/** Of a queue at rest: where a worker runs it depends on when the last table was made smaller. */
const memorySlack: Slack = { factor: 1.05, more: 20 };

/** A line for each count over its limit. A case that is not among the kept counts is one too, so that none goes unseen. */
export function exceeded(name: string, now: Counts, kept: Counts | undefined): readonly string[] {
  if (kept === undefined) return [`${name}: is not in counts.json`];
  const judged = name.startsWith("enqueue") ? { ...slack, memory: memorySlack } : slack;
  return Object.entries(judged).flatMap(([count, { factor, more }]) => {
    const [is, was] = [now[count as Count], kept[count as Count]];
    const limit = was * factor + more;
    if (is <= limit) return [];
    return [`${name}: ${count} ${is.toFixed(2)}, was ${was.toFixed(2)}, limit ${limit.toFixed(2)}`];
  });
}
