/** Which queues wait, and why: as the server has found out, and until it has, as far as the queue itself tells. */

import type { QueueRow, QueueWait } from "../../../../src/dashboard/contract.ts";
import { durationText } from "../../text/duration.ts";

const most = 10;

/** Those that stand still come first, then the oldest. */
export function waitsOf(rows: readonly QueueRow[], told: readonly QueueWait[] = []): readonly QueueWait[] {
  const reasons = new Map(told.map(({ queue, reason }) => [queue, reason]));
  return rows
    .filter(({ ready }) => ready > 0)
    .toSorted(
      (a, b) =>
        Number(stands(b)) - Number(stands(a)) || (a.oldest ?? Infinity) - (b.oldest ?? Infinity) || b.ready - a.ready,
    )
    .slice(0, most)
    .map((row) => ({
      queue: row.name,
      waiting: row.ready,
      reason: row.paused === true ? reasonOf(row) : (reasons.get(row.name) ?? reasonOf(row)),
      ...(row.oldest !== undefined && { oldest: row.oldest }),
    }));
}

function stands({ paused, consumers }: QueueRow): boolean {
  return paused === true || consumers === 0;
}

function reasonOf({ paused, consumers, drain, rateIn, rateOut }: QueueRow): string {
  if (paused === true) return "paused";
  if (consumers === 0) return "no worker takes from it";
  if (drain === undefined) return "it is being worked off";
  if (drain !== null) return `empty in ${durationText(drain)} at this rate`;
  return rateOut === 0
    ? "nothing goes out"
    : rateIn > rateOut
      ? "more comes in than goes out"
      : "as much comes in as goes out";
}
