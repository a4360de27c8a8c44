/**
 * What happened, counted: how many came into each state, and how long they waited and ran, by steps of 10 s, 1 min, 10 min and 1 h, of all
 * tasks and by task, queue and worker. A task whose history turns out otherwise is taken out and counted again, so the counts are
 * always those of the stored steps.
 */

import type { Database } from "./database.ts";
import type { Life } from "./fold.ts";
import { Histogram } from "./histogram.ts";
import type { Words } from "./words.ts";

/** Stored by place. `in` and `out`: of the line of those that could run. */
export const counters = ["sent", "started", "succeeded", "failed", "retried", "revoked", "dead", "in", "out"] as const;
export type Counter = (typeof counters)[number];
/** Lengths of a step, and how long such steps are kept, ms. */
export const steps: readonly { readonly step: number; readonly keep: number }[] = [
  { step: 10_000, keep: 6 * 3_600_000 },
  { step: 60_000, keep: 48 * 3_600_000 },
  { step: 600_000, keep: Infinity },
  { step: 3_600_000, keep: Infinity },
];
export const dimension = { all: 0, task: 1, queue: 2, worker: 3 } as const;
export type Dimension = (typeof dimension)[keyof typeof dimension];

const finest = 10_000;
/** Cells in memory; each has some kilobytes. */
const mostCells = 4_000;

export class Cell {
  readonly counts: number[] = counters.map(() => 0);
  readonly wait: Histogram = new Histogram();
  readonly run: Histogram = new Histogram();
  /** Since the file was written. */
  changed = false;

  add(other: Cell): void {
    other.counts.forEach((count, place) => (this.counts[place] = (this.counts[place] ?? 0) + count));
    this.wait.merge(other.wait);
    this.run.merge(other.run);
    this.changed = true;
  }

  count(counter: Counter): number {
    return Math.max(0, this.counts[placeOf[counter]] ?? 0);
  }

  write(): string {
    return JSON.stringify([this.counts, this.wait.toPairs(), this.run.toPairs()]);
  }

  /** Adds what `write` gave. */
  read(data: string): void {
    const [counts, wait, run] = JSON.parse(data) as readonly (readonly number[])[];
    counts?.forEach((count, place) => (this.counts[place] = (this.counts[place] ?? 0) + count));
    this.wait.addPairs(wait ?? []);
    this.run.addPairs(run ?? []);
  }
}

const placeOf = Object.fromEntries(counters.map((name, place) => [name, place])) as Readonly<Record<Counter, number>>;

export class Tally {
  readonly #database: Database;
  readonly #words: Words;
  /** By bucket of 10 s, then by dimension and key; what came since the last flush. */
  readonly #fresh = new Map<number, Map<number, Cell>>();
  readonly #cells = new Map<string, Cell>();

  constructor(database: Database, words: Words) {
    this.#database = database;
    this.#words = words;
  }

  /** @param times -1 takes it out again. */
  count(life: Life, task: string | undefined, times: 1 | -1): void {
    const name = this.#words.number(task);
    const [first] = life.spans;
    if (!first) return;
    const each = (at: number, queue: string | undefined, worker: string | undefined, run: (cell: Cell) => void): void =>
      this.#each(at, name, this.#words.number(queue), this.#words.number(worker), run);
    const bump = (counter: Counter, at: number, queue?: string, worker?: string): void =>
      each(at, queue, worker, (cell) => {
        cell.counts[placeOf[counter]] = (cell.counts[placeOf[counter]] ?? 0) + times;
      });
    bump("sent", life.seen, first.queue);
    let before: (typeof life.spans)[number] | undefined;
    let end: (typeof life.spans)[number] | undefined;
    /** A message that came once more after the end is no second end. */
    const again = (state: string): boolean => {
      const since = end?.from ?? Infinity;
      return end?.state === state && !life.runs.some(({ start }) => start >= since);
    };
    for (const span of life.spans) {
      const { state, from, queue, worker } = span;
      if (before?.state !== state) {
        if (before?.state === "queued") bump("out", from, before.queue);
        if (state === "queued") bump("in", from, queue);
        else if (state === "retrying") bump("retried", from, queue, worker);
        else if (state !== "delayed" && state !== "running") {
          if (!again(state)) bump(state, from, queue, worker);
          end = span;
        }
      }
      before = span;
    }
    for (const { start, end, wait, queue, worker } of life.runs) {
      each(start, queue, worker, (cell) => {
        cell.counts[placeOf.started] = (cell.counts[placeOf.started] ?? 0) + times;
        cell.wait.add(wait, times);
      });
      if (end !== undefined) each(end, queue, worker, (cell) => cell.run.add(end - start, times));
    }
  }

  #each(at: number, name: number, queue: number, worker: number, run: (cell: Cell) => void): void {
    const bucket = at - (at % finest);
    let cells = this.#fresh.get(bucket);
    if (!cells) this.#fresh.set(bucket, (cells = new Map()));
    run(cellOf(cells, dimension.all));
    if (name !== 0) run(cellOf(cells, name * 4 + dimension.task));
    if (queue !== 0) run(cellOf(cells, queue * 4 + dimension.queue));
    if (worker !== 0) run(cellOf(cells, worker * 4 + dimension.worker));
  }

  /** Within the writer's transaction. */
  write(): void {
    for (const [bucket, cells] of this.#fresh) {
      for (const [id, cell] of cells) {
        for (const { step } of steps) this.#stored(step, bucket - (bucket % step), id).add(cell);
      }
    }
    this.#fresh.clear();
    const put = this.#database.query(
      "INSERT INTO tally (step, bucket, dim, key, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data",
    );
    for (const [key, cell] of this.#cells) {
      if (!cell.changed) continue;
      const [step = 0, bucket = 0, id = 0] = key.split(" ").map(Number);
      put.run(step, bucket, id % 4, Math.floor(id / 4), cell.write());
      cell.changed = false;
    }
    for (const key of this.#cells.keys()) {
      if (this.#cells.size <= mostCells) break;
      this.#cells.delete(key); // the oldest
    }
  }

  #stored(step: number, bucket: number, id: number): Cell {
    const key = `${String(step)} ${String(bucket)} ${String(id)}`;
    let cell = this.#cells.get(key);
    if (cell) return cell;
    cell = new Cell();
    const row = this.#database
      .query("SELECT data FROM tally WHERE step = ? AND bucket = ? AND dim = ? AND key = ?")
      .get(step, bucket, id % 4, Math.floor(id / 4));
    if (row) cell.read(row[0] as string);
    this.#cells.set(key, cell);
    return cell;
  }

  /** After a roll-back: what it knows is not in the file. */
  forget(): void {
    this.#fresh.clear();
    this.#cells.clear();
  }
}

function cellOf(cells: Map<number, Cell>, id: number): Cell {
  let cell = cells.get(id);
  if (!cell) cells.set(id, (cell = new Cell()));
  return cell;
}
