/**
 * The driver itself, on whatever thread it runs: everything that arrived in a turn goes into one transaction (settlements, new
 * messages, renewals, then one claim for each consumer with room), and is answered after the commit. Synchronous throughout:
 * there is never a wait inside a transaction. One that failed did nothing; what can wait (settlements) is tried again.
 */

import type { Clock } from "../../clock/clock.ts";
import { answerRead, isWrite, mustLast } from "./answering.ts";
import type { AskRequest, Rooms } from "./answering.ts";
import { Bell, ringBell } from "./bell.ts";
import { BusFile } from "./bus-file.ts";
import { ConsumerTable } from "./consumer-table.ts";
import type { Notice, Request } from "./exchange.ts";
import { isFull } from "./failure.ts";
import { monotonic } from "./host.ts";
import { Job, JobQueue } from "./job-queue.ts";
import { Maintenance } from "./maintenance.ts";
import { Outbox } from "./outbox.ts";
import type { PostAnswers } from "./outbox.ts";
import { Unpacked } from "./parcel.ts";
import type { Batch } from "./parcel.ts";
import { Setbacks } from "./setbacks.ts";
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
  readonly maxSize: number;
  /** How long a lock of another process is waited for, ms. */
  readonly busyLimit: number;
}

type News = Extract<Request, { k: "want" | "pause" | "heard" | "unwatch" }>;
const news: ReadonlySet<Request["k"]> = new Set<Request["k"]>(["want", "pause", "heard", "unwatch"]);

export class Engine {
  readonly #clock: Clock;
  readonly #steps: Steps;
  readonly #bell: Bell;
  readonly #busBell: Bell;
  readonly #outbox: Outbox;
  readonly #consumers: ConsumerTable;
  readonly #upkeep: Upkeep;
  readonly #rooms: Rooms;
  readonly #transaction: Transaction;
  readonly #setbacks: Setbacks;
  readonly #jobs = new JobQueue();
  readonly #duties = new Map<string, (turn: Turn) => void>();
  #reads: AskRequest[] = [];
  #retry: Disposable | undefined;
  #scheduled = false;
  #closed = false;

  constructor(options: EngineOptions, clock: Clock, post: PostAnswers, pulse: Int32Array | undefined) {
    const steps = openSteps(options);
    const { db, results } = steps;
    this.#clock = this.#guardedClock(clock);
    this.#steps = steps;
    this.#outbox = new Outbox(db.path, post);
    this.#bell = new Bell(db.path, {
      hear: () => this.#guard(() => this.#heard()),
      isNeeded: () => this.#consumers.holders.size > 0,
    });
    this.#busBell = new Bell(db.path, {
      hear: () => this.#guard(() => this.#rooms.bus.look()),
      isNeeded: () => this.#rooms.bus.isHeard,
    });
    const duty = (name: string, run: (turn: Turn) => void): void => this.#duty(name, run);
    const maintenance = new Maintenance(db, steps, this.#bell.suffix, {
      duty,
      warn: (warning) => this.#notice({ n: "warning", warning }),
      isIdle: () => this.#jobs.isEmpty,
    });
    this.#consumers = new ConsumerTable(steps, maintenance, {
      bell: () => this.#openBell(),
      added: (holder) => this.#upkeep.add(holder),
      removed: (holder) => this.#upkeep.remove(holder),
    });
    this.#upkeep = new Upkeep(steps, this.#clock, maintenance, pulse, {
      holders: this.#consumers.holders,
      duty,
      run: () => this.run(),
      lost: (holder, held, why) => this.#notice({ n: "lost", consumer: holder.no, held, why }),
      event: (event, detail) => this.#notice({ n: "event", event, detail }),
      letGo: () => this.#letGo(),
    });
    this.#rooms = {
      ...steps,
      consumers: this.#consumers,
      watching: new Watching(db, results, this.#clock, (watch, outcome) =>
        this.#notice({ n: "state", watch, outcome }),
      ),
      bus: new BusFile(
        db.path,
        this.#clock,
        (bell) => ringBell(db.path, bell),
        (listener, gap, messages) => this.#notice({ n: "heard", listener, gap, messages }),
      ),
      bell: () => {
        this.#busBell.open(this.#clock, () => {});
        return this.#busBell.suffix;
      },
      tend: () => this.#upkeep.tend(),
    };
    this.#transaction = new Transaction(steps, this.#rooms, this.#consumers.holders, this.#outbox);
    this.#setbacks = new Setbacks(steps, this.#jobs, this.#outbox, this.#consumers.holders, options.busyLimit);
    this.#outbox.notice({ n: "opened", warnings: db.warnings });
    this.#outbox.flush();
  }

  /** Takes what callers want; `run` does it. */
  accept(batch: Batch): void {
    const mono = monotonic();
    const unpacked = new Unpacked(batch);
    for (const request of unpacked.publishes()) this.#jobs.add(new Job(request, unpacked, mono));
    for (const request of batch.requests) {
      if (request.k === "ask" && !isWrite(request.ask)) this.#reads.push(request);
      else if (isNews(request)) this.#guard(() => this.#tell(request));
      else this.#jobs.add(new Job(request, unpacked, mono));
    }
  }

  /** What needs no transaction and has no answer. */
  #tell(request: News): void {
    const holder = "consumer" in request ? this.#consumers.holders.get(request.consumer) : undefined;
    switch (request.k) {
      case "want":
        if (holder !== undefined) holder.want = request.n;
        return;
      case "pause":
        if (holder !== undefined) holder.paused = true;
        return;
      case "heard":
        return this.#rooms.bus.heard(request.listener);
      case "unwatch":
        return this.#rooms.watching.remove(request.watch);
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
    this.#steps.db.close();
  }

  /** One transaction. True if there is more to do at once. */
  #turn(): boolean {
    const mono = monotonic();
    this.#setbacks.refuseWhenShort(mono);
    const jobs = this.#jobs.take();
    const duties = [...this.#duties];
    const hungry = [...this.#consumers.holders.values()].filter((holder) => holder.canClaim(mono));
    if (jobs.length === 0 && duties.length === 0 && hungry.length === 0) return false;
    const turn = newTurn(this.#clock.now(), mono);
    let bells: readonly string[];
    try {
      if (!this.#steps.db.begin(jobs.some(({ request }) => mustLast(request)))) {
        this.#jobs.putBack(jobs);
        this.#again(this.#setbacks.busy(mono));
        return false;
      }
      bells = this.#transaction.run(
        jobs,
        duties.map(([, run]) => run),
        turn,
      );
      this.#steps.db.commit();
    } catch (error) {
      // A duty comes again by itself, and one that cannot be done must not fail every turn.
      if (!isFull(error)) this.#duties.clear();
      this.#again(this.#setbacks.failed(error, jobs));
      return false;
    }
    for (const [name, run] of duties) if (this.#duties.get(name) === run) this.#duties.delete(name);
    for (const bell of bells) ringBell(this.#steps.db.path, bell);
    for (const step of turn.after) step();
    this.#outbox.release();
    if (turn.stored.length > 0) this.#rooms.watching.stored(turn.stored);
    if (turn.due !== Infinity) this.#upkeep.dueAt(turn.due);
    this.#setbacks.over();
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
    this.run();
    this.#upkeep.look();
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

  #again(ms: number): void {
    this.#retry ??= this.#clock.after(ms, () => {
      this.#retry = undefined;
      this.run();
    });
  }

  #letGo(): void {
    for (let turn = 0; turn < 100; turn++) {
      if (!this.#steps.db.begin(false)) continue;
      for (const holder of this.#consumers.holders.values()) this.#steps.keeping.letGo(holder);
      this.#steps.db.commit();
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

  /** A look at a failing disk must not end the thread: the next one may go well. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#setbacks.trouble(error);
    }
  }

  #guardedClock(clock: Clock): Clock {
    return {
      ...clock,
      every: (ms, run) => clock.every(ms, () => this.#guard(run)),
      after: (ms, run) => clock.after(ms, () => this.#guard(run)),
    };
  }

  #notice(notice: Notice): void {
    this.#outbox.notice(notice);
    this.#outbox.flushSoon();
  }
}

function isNews(request: Request): request is News {
  return news.has(request.k);
}
