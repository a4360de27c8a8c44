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
  readonly rows: number;
  /** Bytes of the messages that are published. */
  readonly bytes: number;

  constructor(request: Request, batch: Batch, since: number) {
    this.request = request;
    this.batch = batch;
    this.since = since;
    this.rows = request.k === "publish" ? request.count : request.k === "settle" ? request.rows.length : 1;
    this.bytes = request.k === "publish" ? bytesOf(batch, request.from, request.count) : 0;
  }

  /** Number of the call that waits for an answer; -1 = nobody waits. */
  get call(): number {
    return "call" in this.request ? this.request.call : -1;
  }
}

export class JobQueue {
  #jobs: Job[] = [];
  #publishes = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#jobs.length === 0;
  }

  get hasPublishes(): boolean {
    return this.#publishes > 0;
  }

  /** Bytes of all messages that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    this.#count(job, 1);
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
    for (const job of taken) this.#count(job, -1);
    return taken;
  }

  putBack(jobs: readonly Job[]): void {
    this.#jobs = [...jobs, ...this.#jobs];
    for (const job of jobs) this.#count(job, 1);
  }

  #cut(count: number): readonly Job[] {
    const taken = this.#jobs.splice(0, count);
    for (const job of taken) this.#count(job, -1);
    return taken;
  }

  #count(job: Job, sign: 1 | -1): void {
    if (job.request.k !== "publish") return;
    this.#publishes += sign;
    this.#bytes += sign * job.bytes;
  }
}

function bytesOf(batch: Batch, from: number, count: number): number {
  const first = batch.sent[from];
  const last = batch.sent[from + count - 1];
  return first === undefined || last === undefined ? 0 : last[9] + last[10] - first[9];
}
