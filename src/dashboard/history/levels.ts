/**
 * How full it was: what waits, for how long the oldest has, what runs, and how many workers there are, from a sample that is taken every
 * few seconds. Kept by steps of 10 s, 1 min and 10 min, of all queues and of each: the highest of a step, of workers the lowest, so
 * that no peak and no loss is smoothed away. A queue that is empty and at rest costs nothing.
 */

import type { LevelSeries } from "../contract.ts";
import type { Database } from "./database.ts";
import { stateNumber } from "./schema.ts";
import type { Asking } from "./task-page.ts";
import { steps } from "./tally.ts";
import type { Words } from "./words.ts";

/** What the broker says of one queue. */
export interface QueueLevel {
  readonly name: string;
  /** Could run and were not taken. */
  readonly ready: number;
  /** Since when the one that waits longest could run, unix ms; absent where the broker cannot tell. */
  readonly oldest?: number | undefined;
}

/** Queues of one sample that have a line of their own: the fullest. The others count in the whole. */
const mostQueues = 500;
const everything = 0;
const coarsest = 600_000;
/** Lengths of a step, and how long such steps are kept, ms. */
export const levelSteps: typeof steps = steps.filter(({ step }) => step <= coarsest);

export class LevelWriter {
  readonly #database: Database;
  readonly #words: Words;

  constructor(database: Database, words: Words) {
    this.#database = database;
    this.#words = words;
  }

  /** Within a transaction. */
  write(now: number, queues: readonly QueueLevel[]): void {
    const at = Math.floor(now);
    const ages = new Map(queues.map((queue) => [queue.name, this.#ageOf(queue, at)]));
    this.#put(everything, at, {
      depth: queues.reduce((sum, { ready }) => sum + ready, 0),
      oldest: Math.max(0, ...ages.values()),
      running: this.#count("FROM task INDEXED BY task_state WHERE state = ? AND since <= ?", running, at),
      workers: this.#count("FROM (SELECT DISTINCT worker FROM shift WHERE start <= ? AND until > ?)", at, at),
    });
    const fullest = queues.toSorted((a, b) => b.ready - a.ready).slice(0, mostQueues);
    for (const { name, ready } of fullest) {
      const queue = this.#words.number(name);
      const busy = "FROM task INDEXED BY task_queue WHERE queue = ? AND state = ? AND since <= ?";
      const runs = this.#count(busy, queue, running, at);
      if (ready + runs > 0)
        this.#put(queue, at, { depth: ready, oldest: ages.get(name) ?? 0, running: runs, workers: null });
    }
  }

  /** Where the broker does not tell, what the events say. */
  #ageOf({ name, ready, oldest }: QueueLevel, at: number): number {
    if (ready === 0) return 0;
    const since = oldest ?? this.#firstIn(this.#words.find(name) ?? 0, at);
    return since === undefined ? 0 : Math.max(0, at - Math.floor(since));
  }

  #firstIn(queue: number, at: number): number | undefined {
    const row = this.#database
      .query(
        "SELECT since FROM task INDEXED BY task_queue WHERE queue = ? AND state = ? AND since <= ? AND worker = 0 ORDER BY since LIMIT 1",
      )
      .get(queue, stateNumber("queued"), at);
    return row?.[0] as number | undefined;
  }

  #count(what: string, ...values: readonly number[]): number {
    return Number(this.#database.query(`SELECT count(*) ${what}`).get(...values)?.[0] ?? 0);
  }

  #put(queue: number, at: number, { depth, oldest, running: runs, workers }: Sample): void {
    const put = this.#database.query(
      `INSERT INTO level (step, queue, bucket, depth, oldest, running, workers) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET depth = max(depth, excluded.depth), oldest = max(oldest, excluded.oldest),
       running = max(running, excluded.running), workers = min(workers, excluded.workers)`,
    );
    for (const { step } of levelSteps) put.run(step, queue, at - (at % step), depth, oldest, runs, workers);
  }
}

const running = stateNumber("running");
interface Sample {
  readonly depth: number;
  readonly oldest: number;
  readonly running: number;
  readonly workers: number | null;
}

/** Steps that are too old, each kind of them by itself. `horizon`: before it nothing is kept. */
export function forgetLevels(database: Database, now: number, horizon: number): void {
  const next = database.query("SELECT queue FROM level WHERE step = ? AND queue > ? ORDER BY queue LIMIT 1");
  const drop = database.query("DELETE FROM level WHERE step = ? AND queue = ? AND bucket < ?");
  for (const { step, keep } of levelSteps) {
    const before = Math.max(horizon - step, now - keep - step);
    for (let row = next.get(step, -1); row; row = next.get(step, row[0] as number))
      drop.run(step, row[0] as number, before);
  }
}

export interface LevelColumns {
  readonly from: number;
  readonly step: number;
  /** Of the stored steps; a column is one of them or several. */
  readonly base: number;
  readonly columns: number;
}

/** @param queues of these together, or of all. Of several, each one's highest is added up. */
export function levelsOf(
  { database, words }: Pick<Asking, "database" | "words">,
  { from, step, base, columns }: LevelColumns,
  queues: readonly string[] | undefined,
): LevelSeries {
  const stored = Math.min(base, coarsest);
  const query = database.query(
    "SELECT bucket, depth, oldest, running, workers FROM level WHERE step = ? AND queue = ? AND bucket >= ? AND bucket < ?",
  );
  const read = (queue: number): readonly (readonly number[])[] =>
    query.all(stored, queue, from, from + columns * step) as unknown as readonly (readonly number[])[];
  const whole = read(everything);
  const own = new Map<number, readonly [depth: number, oldest: number, running: number]>();
  for (const queue of (queues ?? []).flatMap((name) => words.find(name) ?? [])) {
    for (const [bucket = 0, depth = 0, oldest = 0, runs = 0] of read(queue)) {
      const [d, o, r] = own.get(bucket) ?? [0, 0, 0];
      own.set(bucket, [d + depth, Math.max(o, oldest), r + runs]);
    }
  }
  const blank = (): (number | null)[] => Array.from({ length: columns }, () => null);
  const series = { depth: blank(), oldest: blank(), running: blank(), workers: blank() };
  for (const [bucket = 0, depth = 0, oldest = 0, runs = 0, workers = 0] of whole) {
    const place = Math.floor((bucket - from) / step);
    const most = (line: (number | null)[], value: number): number => (line[place] = Math.max(line[place] ?? 0, value));
    const values = queues === undefined ? ([depth, oldest, runs] as const) : (own.get(bucket) ?? [0, 0, 0]);
    most(series.depth, values[0]);
    most(series.oldest, values[1]);
    most(series.running, values[2]);
    series.workers[place] = Math.min(series.workers[place] ?? Infinity, workers);
  }
  return series;
}
