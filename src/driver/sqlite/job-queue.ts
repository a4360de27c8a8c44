/** What waits for a transaction, in order, cut into pieces that hold the write lock for milliseconds. */

import type { Batch, Request } from "./exchange.ts";

/** One transaction takes about this much; a single larger call is not torn apart. */
const rowLimit = 500;
const byteLimit = 4 * 1024 * 1024;

export class Job {
  readonly request: Request;
  readonly batch: Batch;
  /** Monotonic ms of its arrival. */
  readonly since: number;

  constructor(request: Request, batch: Batch, since: number) {
    this.request = request;
    this.batch = batch;
    this.since = since;
  }

  /** Number of the call that waits for an answer; -1 = nobody waits. */
  get call(): number {
    return "call" in this.request ? this.request.call : -1;
  }

  get rows(): number {
    if (this.request.k === "publish") return this.request.count;
    return this.request.k === "settle" ? this.request.rows.length : 1;
  }

  get bytes(): number {
    const { request, batch } = this;
    if (request.k !== "publish") return 0;
    const first = batch.sent[request.from];
    const last = batch.sent[request.from + request.count - 1];
    return first === undefined || last === undefined ? 0 : last[9] + last[10] - first[9];
  }
}

export class JobQueue {
  #jobs: Job[] = [];
  #publishes = 0;

  get isEmpty(): boolean {
    return this.#jobs.length === 0;
  }

  get hasPublishes(): boolean {
    return this.#publishes > 0;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    if (job.request.k === "publish") this.#publishes++;
  }

  take(): readonly Job[] {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const job of this.#jobs) {
      if (count > 0 && (rows + job.rows > rowLimit || bytes + job.bytes > byteLimit)) break;
      rows += job.rows;
      bytes += job.bytes;
      count++;
    }
    return this.#cut(count);
  }

  takeAll(): readonly Job[] {
    return this.#cut(this.#jobs.length);
  }

  takePublishes(): readonly Job[] {
    const taken = this.#jobs.filter((job) => job.request.k === "publish");
    this.#jobs = this.#jobs.filter((job) => job.request.k !== "publish");
    this.#publishes = 0;
    return taken;
  }

  putBack(jobs: readonly Job[]): void {
    this.#jobs = [...jobs, ...this.#jobs];
    this.#publishes += countPublishes(jobs);
  }

  #cut(count: number): readonly Job[] {
    const taken = count === this.#jobs.length ? this.#jobs : this.#jobs.slice(0, count);
    this.#jobs = count === this.#jobs.length ? [] : this.#jobs.slice(count);
    this.#publishes -= countPublishes(taken);
    return taken;
  }
}

function countPublishes(jobs: readonly Job[]): number {
  return jobs.reduce((sum, job) => sum + (job.request.k === "publish" ? 1 : 0), 0);
}
