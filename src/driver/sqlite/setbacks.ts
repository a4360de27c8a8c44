/**
 * What happens when a transaction could not be done: who is told, who waits for the next try, and when that is. A failed
 * transaction did nothing at all. New messages are refused at once; the settlement of a finished task is worth patience.
 */

import { busyError, fullError, isFull } from "./failure.ts";
import type { Holder } from "./holder.ts";
import { monotonic } from "./host.ts";
import type { Job, JobQueue } from "./job-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { Steps } from "./steps.ts";

/** A settlement on a full disk is tried again for this long, ms; its task is finished and must not run again for nothing. */
const settleGrace = 600_000;
const failedRetry = 250;
const longestWait = 50;

export class Setbacks {
  readonly #steps: Steps;
  readonly #jobs: JobQueue;
  readonly #outbox: Outbox;
  readonly #holders: ReadonlyMap<number, Holder>;
  readonly #path: string;
  readonly #busyLimit: number;
  #busySince: number | undefined;
  #busyTurns = 0;
  #troubled = false;

  constructor(steps: Steps, jobs: JobQueue, outbox: Outbox, holders: ReadonlyMap<number, Holder>, busyLimit: number) {
    this.#steps = steps;
    this.#jobs = jobs;
    this.#outbox = outbox;
    this.#holders = holders;
    this.#path = steps.db.path;
    this.#busyLimit = busyLimit;
  }

  /** The write lock is somebody else's. Returns after how many ms to try again. */
  busy(mono: number): number {
    this.#busySince ??= mono;
    const waited = mono - this.#busySince;
    if (waited > this.#busyLimit) {
      this.#busySince = undefined;
      this.#busyTurns = 0;
      const error = busyError(this.#path, waited);
      this.#refuse(this.#jobs.takeAll(), error);
      this.trouble(error);
    }
    return Math.min(longestWait, 2 ** this.#busyTurns++) * (0.5 + Math.random());
  }

  /** A transaction broke off. Returns after how many ms to try again. */
  failed(error: unknown, jobs: readonly Job[]): number {
    this.#outbox.discard();
    this.#steps.db.rollback();
    for (const holder of this.#holders.values()) holder.leaving = 0;
    this.#steps.names.forget();
    this.#steps.publishing.forget();
    if (!isFull(error)) {
      this.#refuse(jobs, error);
      this.trouble(error);
      return failedRetry;
    }
    if (this.#steps.ballast.release()) {
      this.#jobs.putBack(jobs);
      return 1;
    }
    const mono = monotonic();
    const patient = jobs.filter(({ request, since }) => {
      return request.k === "started" || (request.k === "settle" && mono - since < settleGrace);
    });
    this.#jobs.putBack(patient);
    const told = fullError(this.#path, error);
    this.#refuse(
      jobs.filter((job) => !patient.includes(job)),
      told,
    );
    this.trouble(told);
    return failedRetry;
  }

  /** New messages would take the space that finished tasks need. */
  refuseWhenShort(mono: number): void {
    if (!this.#jobs.hasPublishes || !this.#steps.ballast.isShort(mono, this.#jobs.bytes)) return;
    this.#refuse(this.#jobs.takePublishes(), fullError(this.#path));
  }

  /** Says once that something is wrong. */
  trouble(error: unknown): void {
    if (this.#troubled) return;
    this.#troubled = true;
    const detail = error instanceof Error ? error.message : String(error);
    this.#outbox.notice({ n: "event", event: "disconnected", detail });
    this.#outbox.flushSoon();
  }

  /** A transaction was committed. */
  over(): void {
    this.#busySince = undefined;
    this.#busyTurns = 0;
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#outbox.notice({ n: "event", event: "connected", detail: "the database can be written again" });
  }

  #refuse(jobs: readonly Job[], error: unknown): void {
    for (const job of jobs) this.#outbox.fail(job.call, error);
  }
}
