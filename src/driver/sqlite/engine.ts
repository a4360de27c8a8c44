/**
 * The driver itself, on whatever thread it runs: everything that arrived in a turn goes into one transaction (settlements, new
 * messages, renewals, then one claim for each consumer with room), and is answered after the commit. Synchronous throughout:
 * there is never a wait inside a transaction. One that failed did nothing; what can wait (settlements) is tried again.
 */

import type { Clock } from "../../clock/clock.ts";
import { answerRead, isWrite } from "./answering.ts";
import type { AskRequest, Rooms } from "./answering.ts";
import { Bell, ringBell } from "./bell.ts";
import { BusFile } from "./bus-file.ts";
import { ConsumerTable } from "./consumer-table.ts";
import type { Database } from "./database.ts";
import type { Batch, Notice, Request } from "./exchange.ts";
import { busyError, fullError, isFull } from "./failure.ts";
import { monotonic } from "./host.ts";
import { Job, JobQueue } from "./job-queue.ts";
import { Maintenance } from "./maintenance.ts";
import { Outbox } from "./outbox.ts";
import type { PostAnswers } from "./outbox.ts";
import { openSteps } from "./steps.ts";
import type { Steps } from "./steps.ts";
import { Transaction } from "./transaction.ts";
import { newTurn } from "./turn.ts";
import type { Turn } from "./turn.ts";
import { Upkeep } from "./upkeep.ts";
import { Watching } from "./watching.ts";

export interface EngineOptions {
  readonly path: string;
  readonly embed: boolean;
  readonly durability: "power" | "process";
  readonly maxDepth: number;
  /** How long a lock of another process is waited for, ms. */
  readonly busyLimit: number;
}

/** A settlement on a full disk is tried again for this long; its task is finished and must not run again for nothing. */
const settleGrace = 600_000;
const fullRetry = 250;

export class Engine {
  readonly #clock: Clock;
  readonly #options: EngineOptions;
  readonly #steps: Steps;
  readonly #db: Database;
  readonly #bell: Bell;
  readonly #busBell: Bell;
  readonly #outbox: Outbox;
  readonly #consumers: ConsumerTable;
  readonly #upkeep: Upkeep;
  readonly #rooms: Rooms;
  readonly #transaction: Transaction;
  readonly #jobs = new JobQueue();
  readonly #duties = new Map<string, (turn: Turn) => void>();
  #reads: AskRequest[] = [];
  #busySince: number | undefined;
  #busyTurns = 0;
  #retry: Disposable | undefined;
  #scheduled = false;
  #closed = false;
  #troubled = false;

  constructor(options: EngineOptions, clock: Clock, post: PostAnswers, pulse: Int32Array | undefined) {
    const steps = openSteps(options);
    const { db, terms, results, browsing, letters } = steps;
    this.#options = { ...options, path: db.path };
    this.#clock = clock;
    this.#steps = steps;
    this.#db = db;
    this.#outbox = new Outbox(db.path, post);
    this.#bell = new Bell(db.path, () => this.#heard());
    this.#busBell = new Bell(db.path, () => this.#rooms.bus.look());
    const duty = (name: string, run: (turn: Turn) => void): void => this.#duty(name, run);
    const maintenance = new Maintenance(db, terms, this.#bell.suffix, {
      duty,
      warn: (warning) => this.#notice({ n: "warning", warning }),
      isIdle: () => this.#jobs.isEmpty,
    });
    this.#consumers = new ConsumerTable(steps, maintenance, {
      bell: () => this.#openBell(),
      added: (holder) => this.#upkeep.add(holder),
      removed: (holder) => this.#upkeep.remove(holder),
    });
    this.#upkeep = new Upkeep(steps, clock, maintenance, pulse, {
      holders: this.#consumers.holders,
      duty,
      run: () => this.run(),
      lost: (holder, seqs, why) => this.#notice({ n: "lost", consumer: holder.no, seqs, why }),
      event: (event, detail) => this.#notice({ n: "event", event, detail }),
      letGo: () => this.#letGo(),
    });
    this.#rooms = {
      results,
      browsing,
      letters,
      terms,
      consumers: this.#consumers,
      watching: new Watching(db, results, clock, (watch, outcome) => this.#notice({ n: "state", watch, outcome })),
      bus: new BusFile(
        db.path,
        clock,
        (bell) => ringBell(db.path, bell),
        (listener, gap, messages) => this.#notice({ n: "heard", listener, gap, messages }),
      ),
      bell: () => {
        this.#busBell.open(clock, () => {});
        return this.#busBell.suffix;
      },
    };
    this.#transaction = new Transaction(steps, this.#rooms, this.#consumers.holders, this.#outbox);
    this.#outbox.notice({ n: "opened", warnings: db.warnings });
    this.#outbox.flush();
  }

  /** Takes what callers want; `run` does it. */
  accept(batch: Batch): void {
    const mono = monotonic();
    for (const request of batch.requests) {
      if (request.k === "ask" && !isWrite(request.ask)) this.#reads.push(request);
      else if (!this.#tell(request)) this.#jobs.add(new Job(request, batch, mono));
    }
  }

  /** What needs no transaction; false if it does. */
  #tell(request: Request): boolean {
    switch (request.k) {
      case "want": {
        const holder = this.#consumers.holders.get(request.consumer);
        if (holder !== undefined) holder.want = request.n;
        return true;
      }
      case "pause": {
        const holder = this.#consumers.holders.get(request.consumer);
        if (holder !== undefined) holder.paused = true;
        return true;
      }
      case "heard":
        this.#rooms.bus.heard(request.listener);
        return true;
      case "unwatch":
        this.#rooms.watching.remove(request.watch);
        return true;
      default:
        return false;
    }
  }

  run(): void {
    if (this.#closed) return;
    const more = this.#retry === undefined && this.#turn();
    this.#read();
    this.#outbox.flush();
    if (!more || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.run();
    });
  }

  /** Closes the files. What is held stays leased; `close` as a request gives it back before. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.[Symbol.dispose]();
    this.#upkeep.close();
    this.#rooms.watching.close();
    this.#rooms.bus.close();
    this.#bell.close();
    this.#busBell.close();
    this.#db.close();
  }

  /** One transaction. True if there is more to do at once. */
  #turn(): boolean {
    const mono = monotonic();
    this.#refuseWhenShort(mono);
    const jobs = this.#jobs.take();
    const duties = [...this.#duties];
    const hungry = [...this.#consumers.holders.values()].filter((holder) => holder.canClaim(mono));
    if (jobs.length === 0 && duties.length === 0 && hungry.length === 0) return false;
    const turn = newTurn(this.#clock.now(), mono);
    let bells: readonly string[];
    try {
      if (!this.#db.begin(jobs.length > 0)) {
        this.#jobs.putBack(jobs);
        this.#waitForLock(mono);
        return false;
      }
      bells = this.#transaction.run(
        jobs,
        duties.map(([, run]) => run),
        turn,
      );
      this.#db.commit();
    } catch (error) {
      this.#failed(error, jobs);
      return false;
    }
    this.#busySince = undefined;
    this.#busyTurns = 0;
    for (const [name, run] of duties) if (this.#duties.get(name) === run) this.#duties.delete(name);
    for (const step of turn.after) step();
    this.#outbox.release();
    if (turn.stored.length > 0) this.#rooms.watching.stored(turn.stored);
    for (const bell of bells) ringBell(this.#options.path, bell);
    if (turn.due !== Infinity) this.#upkeep.dueAt(turn.due);
    if (this.#troubled) this.#recovered();
    return !this.#jobs.isEmpty || this.#duties.size > 0 || this.#anyHungry();
  }

  #anyHungry(): boolean {
    const mono = monotonic();
    return [...this.#consumers.holders.values()].some((holder) => holder.canClaim(mono));
  }

  #heard(): void {
    if (this.#closed) return;
    for (const holder of this.#consumers.holders.values()) {
      // The note that brought the bell here is gone from the file.
      holder.idle = false;
      holder.hungry = true;
    }
    this.#upkeep.look();
    this.run();
  }

  #openBell(): string {
    this.#bell.open(this.#clock, () => this.#upkeep.bellIsDumb());
    return this.#bell.suffix;
  }

  #read(): void {
    const reads = this.#reads;
    if (reads.length === 0) return;
    this.#reads = [];
    const [now, mono] = [this.#clock.now(), monotonic()];
    for (const request of reads) {
      try {
        this.#outbox.answer(request.call, answerRead(this.#rooms, request, now, mono));
      } catch (error) {
        this.#outbox.fail(request.call, error);
      }
    }
  }

  #waitForLock(mono: number): void {
    this.#busySince ??= mono;
    const waited = mono - this.#busySince;
    if (waited > this.#options.busyLimit) {
      this.#busySince = undefined;
      this.#busyTurns = 0;
      const error = busyError(this.#options.path, waited);
      for (const job of this.#jobs.takeAll()) if (job.request.k !== "started") this.#outbox.fail(job.call, error);
      this.#trouble(error.message);
    }
    this.#again(Math.min(50, 2 ** this.#busyTurns++) * (0.5 + Math.random()));
  }

  #again(ms: number): void {
    this.#retry ??= this.#clock.after(ms, () => {
      this.#retry = undefined;
      this.run();
    });
  }

  #failed(error: unknown, jobs: readonly Job[]): void {
    this.#outbox.discard();
    this.#db.rollback();
    for (const holder of this.#consumers.holders.values()) holder.leaving = 0;
    this.#steps.names.forget();
    this.#steps.publishing.forget();
    // A duty comes again by itself, and one that cannot be done must not fail every turn.
    if (!isFull(error)) this.#duties.clear();
    const mono = monotonic();
    let left = jobs;
    if (isFull(error)) {
      if (this.#steps.ballast.release()) {
        this.#jobs.putBack(jobs);
        this.#again(1);
        return;
      }
      const patient = jobs.filter(({ request, since }) => {
        return request.k === "started" || (request.k === "settle" && mono - since < settleGrace);
      });
      this.#jobs.putBack(patient);
      left = jobs.filter((job) => !patient.includes(job));
    }
    const told = isFull(error) ? fullError(this.#options.path, error) : error;
    for (const job of left) if (job.request.k !== "started") this.#outbox.fail(job.call, told);
    this.#trouble(told instanceof Error ? told.message : String(told));
    this.#again(fullRetry);
  }

  /** New messages would take the space that finished tasks need. */
  #refuseWhenShort(mono: number): void {
    if (!this.#jobs.hasPublishes || !this.#steps.ballast.isShort(mono)) return;
    const error = fullError(this.#options.path);
    for (const job of this.#jobs.takePublishes()) this.#outbox.fail(job.call, error);
  }

  #letGo(): void {
    for (let turn = 0; turn < 100; turn++) {
      if (!this.#db.begin(false)) continue;
      for (const holder of this.#consumers.holders.values()) this.#steps.keeping.letGo(holder);
      this.#db.commit();
      return;
    }
  }

  #duty(name: string, run: (turn: Turn) => void): void {
    this.#duties.set(name, run);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.run();
    });
  }

  #notice(notice: Notice): void {
    this.#outbox.notice(notice);
    this.#outbox.flushSoon();
  }

  #trouble(detail: string): void {
    if (this.#troubled) return;
    this.#troubled = true;
    this.#notice({ n: "event", event: "disconnected", detail });
  }

  #recovered(): void {
    this.#troubled = false;
    this.#notice({ n: "event", event: "connected", detail: "the database can be written again" });
  }
}
