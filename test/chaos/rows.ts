/** Lines of a journal as rows of numbers in blocks: 40 bytes each, and no object for the collector to look at. */

import type { Hold, Run } from "./journal.ts";

/** When a worker came, and when it was gone or stood still. */
export interface Presence {
  readonly k: "up" | "gone" | "still" | "turns";
  readonly t: number;
  readonly worker: number;
}

/** A change of what a worker could take. `task`: number of the task, -1 for the worker itself. */
export interface Change {
  readonly k: Presence["k"] | Hold["k"];
  readonly t: number;
  readonly worker: number;
  readonly task: number;
}

/** A whole worker was gone, or still. */
export const workerDeath: RegExp = /^(kill|stop|end|end and kill) (worker|machine)$/;
export const isPause: RegExp = /^stop /;

const names = ["start", "end", "claim", "freed", "lost", "up", "gone", "still", "turns"] as const;
/** Rows of a block. */
const size = 1 << 15;
/** Numbers of a row in each kind of block. */
const [reals, wholes] = [2, 6];
const none = -1;

interface Block {
  /** Time, fence. */
  readonly reals: Float64Array;
  /** What and of which kind, task, attempt, pid, worker, the task's row before. */
  readonly wholes: Int32Array;
}

export class Rows {
  readonly #blocks: Block[] = [];
  readonly #kinds: string[] = [""];
  /** Its last row, for each task. */
  #last = new Int32Array(size).fill(none);
  #count = 0;

  add(entry: Run | Hold | Presence, task: number): void {
    const row = this.#count++;
    if (row % size === 0)
      this.#blocks.push({ reals: new Float64Array(size * reals), wholes: new Int32Array(size * wholes) });
    const { block, real, whole } = this.#at(row);
    const run = "kind" in entry ? entry : undefined;
    block.reals[real] = entry.t;
    block.reals[real + 1] = run?.fence ?? 0;
    block.wholes.set(
      [
        this.#kindNumber(run?.kind ?? "") * names.length + names.indexOf(entry.k),
        task,
        "attempt" in entry ? entry.attempt : 0,
        run?.pid ?? 0,
        entry.worker,
        task === none ? none : this.#follow(task, row),
      ],
      whole,
    );
  }

  /** Of one task, in the order in which they were added. */
  of(task: number, id: string): readonly (Run | Hold)[] {
    const found: (Run | Hold)[] = [];
    for (let row = this.#last[task] ?? none; row !== none; row = this.#whole(row, 5)) {
      const { block, real } = this.#at(row);
      const what = this.#whole(row, 0);
      const k = names[what % names.length] as Run["k"] | Hold["k"];
      const base = {
        t: block.reals[real] ?? 0,
        id,
        attempt: this.#whole(row, 2),
        worker: this.#whole(row, 4),
      };
      if (k === "start" || k === "end") {
        const kind = this.#kinds[Math.floor(what / names.length)] ?? "";
        found.push({ k, ...base, kind, fence: block.reals[real + 1] ?? 0, pid: this.#whole(row, 3) });
      } else found.push({ k, ...base });
    }
    return found.reverse();
  }

  /** All changes of what workers could take, in the order of time. */
  *changes(): Generator<Change> {
    for (const row of this.#inTime((k) => k !== "start" && k !== "end")) {
      const k = names[this.#whole(row, 0) % names.length] as Change["k"];
      yield { k, t: this.#time(row), worker: this.#whole(row, 4), task: this.#whole(row, 1) };
    }
  }

  /** Times of starts, in their order; those of one worker, or all. */
  startTimes(worker?: number): Float64Array {
    const own = (row: number): boolean => worker === undefined || this.#whole(row, 4) === worker;
    return Float64Array.from(
      this.#inTime((k, row) => k === "start" && own(row)),
      (row) => this.#time(row),
    );
  }

  #inTime(wanted: (k: (typeof names)[number] | undefined, row: number) => boolean): Uint32Array {
    const rows = new Uint32Array(this.#count);
    let count = 0;
    for (let row = 0; row < this.#count; row++)
      if (wanted(names[this.#whole(row, 0) % names.length], row)) rows[count++] = row;
    return rows.subarray(0, count).sort((a, b) => this.#time(a) - this.#time(b) || a - b);
  }

  #follow(task: number, row: number): number {
    if (task >= this.#last.length) {
      const grown = new Int32Array(Math.max(task + 1, this.#last.length * 2)).fill(none);
      grown.set(this.#last);
      this.#last = grown;
    }
    const before = this.#last[task] ?? none;
    this.#last[task] = row;
    return before;
  }

  #kindNumber(kind: string): number {
    const known = this.#kinds.indexOf(kind);
    return known === -1 ? this.#kinds.push(kind) - 1 : known;
  }

  #time(row: number): number {
    const { block, real } = this.#at(row);
    return block.reals[real] ?? 0;
  }

  #whole(row: number, column: number): number {
    const { block, whole } = this.#at(row);
    return block.wholes[whole + column] ?? none;
  }

  #at(row: number): { readonly block: Block; readonly real: number; readonly whole: number } {
    const block = this.#blocks[Math.floor(row / size)];
    if (block === undefined) throw new RangeError(`there is no row ${String(row)}`);
    return { block, real: (row % size) * reals, whole: (row % size) * wholes };
  }
}
