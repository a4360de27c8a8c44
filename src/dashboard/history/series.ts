/** Counts and latencies over time, read from the tally: columns for charts, and sums of a stretch. */

import type { Latency, LatencySeries, Series, SeriesQuery } from "../contract.ts";
import type { Database } from "./database.ts";
import type { Histogram } from "./histogram.ts";
import { levelsOf } from "./levels.ts";
import type { Asking } from "./task-page.ts";
import { Cell, type Dimension, dimension, steps } from "./tally.ts";

const usualPoints = 240;
const mostPoints = 1_000;
const longestRange = 7 * 86_400_000;

/** Whose. */
export interface Subject {
  readonly dim: Dimension;
  readonly key: number;
}
const everything: Subject = { dim: dimension.all, key: 0 };

interface Columns {
  readonly from: number;
  readonly step: number;
  /** Of the steps that are stored. */
  readonly base: number;
  readonly cells: readonly Cell[];
}

/** @param queues whose levels are told, where `query` names no queue; default all. */
export function seriesOf(
  asking: Asking,
  query: SeriesQuery,
  queues: readonly string[] | undefined,
): Omit<Series, "gaps"> {
  const points = Math.min(Math.max(Math.trunc(query.points ?? usualPoints), 1), mostPoints);
  const until = Math.min(query.until, query.at ?? Infinity);
  const subject = subjectOf(asking, query);
  const { from, step, base, cells } = columnsOf(asking, subject, query.from, until, points);
  const whose = query.queue === undefined ? queues : [query.queue];
  const counts = (counter: Parameters<Cell["count"]>[0]): readonly number[] => cells.map((cell) => cell.count(counter));
  return {
    from,
    step,
    sent: counts("sent"),
    started: counts("started"),
    succeeded: counts("succeeded"),
    failed: counts("failed"),
    retried: counts("retried"),
    revoked: counts("revoked"),
    dead: counts("dead"),
    wait: percentiles(cells.map(({ wait }) => wait)),
    run: percentiles(cells.map(({ run }) => run)),
    // Nobody can say of a task or a worker alone.
    ...(query.task === undefined &&
      query.worker === undefined && {
        levels: levelsOf(asking, { from, step, base, columns: cells.length }, whose),
      }),
  };
}

function percentiles(histograms: readonly Histogram[]): LatencySeries {
  const at = (share: number): readonly (number | null)[] => histograms.map((each) => each.percentile(share));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export function latencyOf(histogram: Histogram): Latency | undefined {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => histogram.percentile(share));
  if (p50 === null || p50 === undefined) return undefined;
  return { p50, p95: p95 ?? p50, p99: p99 ?? p50, count: histogram.count };
}

/** One of a name that was never seen has nothing. */
function subjectOf({ words }: Asking, { task, queue, worker }: SeriesQuery): Subject | undefined {
  const named = (dim: Dimension, name: string): Subject | undefined => {
    const key = words.find(name);
    return key === undefined ? undefined : { dim, key };
  };
  if (task !== undefined) return named(dimension.task, task);
  if (queue !== undefined) return named(dimension.queue, queue);
  return worker === undefined ? everything : named(dimension.worker, worker);
}

/** All of a stretch in one. */
export function sumOf(asking: Asking, subject: Subject | undefined, from: number, until: number): Cell {
  const { first, end, base, step } = stepsOf(asking.now, from, until, mostPoints);
  const length = Math.ceil((end - first) / step) * step;
  return readCells(asking.database, base, first, length, subject ?? everything);
}

export function columnsOf(
  { database, now }: Pick<Asking, "database" | "now">,
  subject: Subject | undefined,
  from: number,
  until: number,
  points: number,
): Columns {
  const { first, end, base, step } = stepsOf(now, from, until, points);
  const cells: Cell[] = [];
  for (let at = first; at < end; at += step) cells.push(readCells(database, base, at, step, subject));
  return { from: first, step, base, cells };
}

interface Steps {
  readonly first: number;
  readonly end: number;
  /** Of the steps that are stored; a column is one of them or several. */
  readonly base: number;
  readonly step: number;
}

/** Whole steps that cover the stretch, of the finest kind that still is kept and gives no more than `points`, or one more at the ends. */
function stepsOf(now: number, from: number, until: number, points: number): Steps {
  const end = Math.max(until, from + 1);
  const start = Math.max(from, end - longestRange);
  const wanted = (end - start) / points;
  const kept = steps.filter(({ keep }) => now - start <= keep);
  const base = (kept.findLast(({ step }) => step <= wanted) ?? kept[0] ?? steps.at(-1))?.step ?? 1;
  const step = base * Math.max(1, Math.ceil(wanted / base));
  return { first: Math.floor(start / step) * step, end, base, step };
}

/** By key, not by range: between two buckets of one subject lie those of all others. */
function readCells(database: Database, base: number, from: number, length: number, subject: Subject | undefined): Cell {
  const cell = new Cell();
  if (!subject) return cell;
  const query = database.query("SELECT data FROM tally WHERE step = ? AND bucket = ? AND dim = ? AND key = ?");
  for (let bucket = from; bucket < from + length; bucket += base) {
    const row = query.get(base, bucket, subject.dim, subject.key);
    if (row) cell.read(row[0] as string);
  }
  return cell;
}
