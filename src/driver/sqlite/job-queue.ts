/** What waits for a transaction, in order, cut into pieces that hold the write lock for milliseconds. */

import type { Request } from "./exchange.ts";
import type { Unpacked } from "./parcel.ts";

/** One transaction takes about this much; a single larger call is not torn apart. */
const rowLimit = 500;
const byteLimit = 4 * 1024 * 1024;

export class Job {
  readonly request: Request;
  readonly batch: Unpacked;
  /** Monotonic ms of its arrival. */
  readonly since: number;
  readonly rows: number;
  /** Bytes of the messages that are published. */
  readonly bytes: number;

  constructor(request: Request, batch: Unpacked, since: number) {
    this.request = request;
    this.batch = batch;
    this.since = since;
    this.rows = "count" in request ? request.count : 1;
    this.bytes = request.k === "publish" ? batch.size(request.from, request.count) : 0;
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
