/** How long what a fault interrupted took to start again, from the journal. */

import type { Entry, Run } from "./journal.ts";

type FaultEntry = Extract<Entry, { readonly k: "fault" }>;

export interface Recovery {
  readonly count: number;
  /** Ms. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** The worker, its machine or the child was gone or still. */
const deaths = /^(kill|stop|end|end and kill) (worker|machine|child)$/;

/**
 * From the death or the pause that interrupted an attempt to its next start, without the time in which a server or a line was away. It
 * holds the lease, the sweep, and the wait for a slot; for a suspect of a crash, for a place with nothing beside it.
 */
export function recovery(runs: Iterable<readonly Run[]>, faults: readonly FaultEntry[]): Recovery | undefined {
  const outages = faults.filter(({ fault }) => !deaths.test(fault));
  const times: number[] = [];
  for (const list of runs) {
    list.forEach((run, index) => {
      const next = list[index + 1];
      if (next?.attempt !== run.attempt) return;
      const death = faults.find(({ fault, t }) => deaths.test(fault) && t >= run.t && t <= next.t);
      if (death) times.push(Math.round(next.t - death.t - covered(outages, death.t, next.t)));
    });
  }
  if (times.length === 0) return undefined;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { count: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: times.at(-1) ?? 0 };
}

/** Ms between `from` and `to` in which any of these lasted. They come in the order of their ends, and hardly overlap. */
function covered(outages: readonly FaultEntry[], from: number, to: number): number {
  let sum = 0;
  let reached = from;
  for (const { t, until } of outages) {
    const begin = Math.max(t, reached);
    const end = Math.min(until, to);
    if (end <= begin) continue;
    sum += end - begin;
    reached = end;
  }
  return sum;
}
