/** The pipe: deliveries in, executions through the pool, settlements out. All on one thread, in order of arrival; only broker and pool wait. */

import type { Clock } from "../clock/clock.ts";
import type { Consumer, Delivery, Settled } from "../port/broker.ts";
import type { Ledger } from "../port/ledger.ts";
import type { ResultStore } from "../port/result-store.ts";
import type { Pool, PoolOutcome } from "../pool/pool.ts";
import { callOf } from "./call.ts";
import { coveredOutcome } from "./covering.ts";
import type { Credit } from "./credit.ts";
import { hadEarlierRun } from "./earlier-run.ts";
import { type Ending, returned } from "./ending.ts";
import type { Claim, Execution } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import { intake, isWithdrawn } from "./intake.ts";
import { Preparing } from "./preparing.ts";
import { Refusals } from "./refusals.ts";
import type { Reporter } from "./reporter.ts";
import { tracedContext } from "./run-tracing.ts";
import type { ServerTime } from "./server-time.ts";
import { doneAt, settledBefore, settlementOf } from "./settlement.ts";
import type { Entry, Settler } from "./settler.ts";
import { longestUnstarted, Slots } from "./slots.ts";
import { Starter, type StarterOptions } from "./starter.ts";
import type { Turning } from "./turning.ts";
import type { IntakeRules } from "./unrun.ts";

export interface FlowOptions extends Pick<StarterOptions, "admission"> {
  readonly clock: Clock;
  readonly time: ServerTime;
  readonly rules: IntakeRules;
  readonly context: Omit<SettlementContext, "now">;
  readonly store: ResultStore;
  /** Where the broker does not fence: what registers each start. */
  readonly ledger?: Ledger | undefined;
  readonly pool: Pool;
  readonly turning: Turning;
  readonly capacity: { readonly slots: number };
  readonly credit: Credit;
  readonly settler: Settler;
  readonly report: Reporter;
  /** What a death of this whole process says about a running task. */
  readonly blame: (execution: Execution) => "suspect" | "sure";
}

export class Flow {
  readonly #options: FlowOptions;
  readonly slots: Slots;
  readonly #starter: Starter;
  readonly #preparing: Preparing;
  readonly #refusals: Refusals;
  #consumer?: Consumer;
  #dispatching = false;
  #paused = false;
  #wanted = "";
  #moment: SettlementContext | undefined;
  #idle: (() => void)[] = [];

  constructor(options: FlowOptions) {
    this.#options = options;
    this.slots = new Slots(options.pool, options.capacity);
    this.#starter = new Starter({
      ...options,
      slots: this.slots,
      ledger: options.ledger,
      context: () => this.#context,
      consumer: () => this.#consumer,
      run: (execution) => this.#run(execution),
      end: (execution, ended) => this.#end(execution, ended),
      again: ({ delivery, begun }, claim) => this.#look(delivery, claim, begun),
      anew: ({ delivery }) => this.#look(delivery),
      changed: () => this.#schedule(),
    });
    this.#refusals = new Refusals({
      ...options,
      ledger: options.ledger,
      context: () => this.#context,
      maxMessageBytes: options.rules.maxMessageBytes,
      consumer: () => this.#consumer,
      look: (delivery, claim) => this.#look(delivery, claim),
      changed: () => this.#schedule(),
    });
    this.#preparing = new Preparing({
      ...options,
      ledger: options.ledger,
      admit: (execution) => this.#admit(execution),
      final: (execution, run) => this.#end(execution, settledBefore(this.#context, execution, run)),
      unknown: (execution) => {
        if (options.ledger === undefined || execution.begun) this.#later(execution, "store-unreachable");
      },
      done: () => this.#schedule(),
    });
  }

  /** One for all that happens in a millisecond. */
  get #context(): SettlementContext {
    const now = this.#now();
    if (this.#moment?.now !== now) this.#moment = { ...this.#options.context, now, done: doneAt(now) };
    return this.#moment;
  }

  attach(consumer: Consumer): void {
    this.#consumer = consumer;
    this.#options.settler.attach(consumer);
    this.#want();
  }

  /** No new starts; what runs runs on, and what waits goes back at once, for it would not start here any more. */
  pause(): void {
    this.#paused = true;
    this.#preparing.stop();
    this.#refusals.stop();
    this.#consumer?.pause();
    this.#schedule();
  }

  readonly take = (batch: readonly Delivery[]): void => {
    const { clock, rules } = this.#options;
    const again: Execution[] = [];
    const claimed = batch[0] ? this.#options.time.saw(batch[0].claimedAt, clock.monotonic()) : 0;
    for (const delivery of batch) {
      // The server's clock says what is due, or it would hand out again at once what a clock that lags behind puts back.
      const verdict = intake(rules, delivery, delivery.claimedAt, claimed);
      if (verdict.kind !== "run") this.#refusals.refuse(verdict, delivery, undefined);
      else if (hadEarlierRun(verdict.execution)) again.push(verdict.execution);
      else this.#admit(verdict.execution);
    }
    if (again.length > 0) void this.#preparing.prepare(again);
    this.#schedule();
  };

  /** Gives back what has waited too long without a free slot. Called four times a second. */
  giveBackStale(): void {
    if (this.#paused) return;
    const now = this.#options.clock.monotonic();
    if (!this.#gap(now)) this.#giveBack(this.slots.takeStale(now), "waited");
    this.#options.turning.seen(now);
    this.#schedule();
  }

  /** The pool has room that no settlement announced: a child has come up. */
  readonly wake = (): void => this.#schedule();

  get #busy(): boolean {
    return this.slots.running.size + this.#preparing.count + this.#refusals.count > 0;
  }

  /** Resolves when nothing runs any more, or when `signal` aborts. */
  async quiet(signal: AbortSignal): Promise<void> {
    if (!this.#busy || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  readonly settled = (entry: Entry, how: Settled["kind"] | undefined): void => {
    const { delivery } = entry.ending.settlement;
    this.#options.admission?.ended(delivery, entry.execution !== undefined);
    if (entry.execution) this.#options.report.ended(entry.execution, entry.ending, how ?? "lost");
    this.#schedule();
  };

  #admit(execution: Execution): void {
    const { lost } = execution.delivery;
    if (lost.aborted) return;
    lost.addEventListener("abort", () => this.leaseLost(execution), { once: true });
    this.slots.add(execution, this.#options.clock.monotonic());
    this.#options.report.admitted(execution);
  }

  /** It is another's by now: what runs is told to stop, and nothing of it is stored. */
  leaseLost(execution: Execution): void {
    if (this.slots.remove(execution)) return;
    if (this.slots.running.get(execution.slot) !== execution) return;
    execution.interrupted = "lease-lost";
    execution.abort.abort("lease-lost");
  }

  /** Starts what may start, once for all that happened in this turn. */
  #schedule(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    queueMicrotask(() => {
      this.#dispatching = false;
      if (this.#paused) this.#giveBack(this.slots.takeAll(), "shutdown");
      else this.#dispatch();
      this.#want();
      if (!this.#busy) for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  /** After a pause of this process what waits may be another's by now. The server knows, so it goes back instead of being started. */
  #gap(now: number): boolean {
    if (!this.#options.turning.gap(now)) return false;
    this.#giveBack(this.slots.takeAll(), "paused");
    return true;
  }

  #dispatch(): void {
    const { clock, rules } = this.#options;
    const monotonic = clock.monotonic();
    if (this.#gap(monotonic)) return;
    const now = this.#now();
    const starting: Execution[] = [];
    for (const execution of this.slots.take(monotonic)) {
      const waited = execution.delivery.claimedAt + monotonic - execution.claimedAt;
      if (isWithdrawn(rules, execution.headers, waited)) {
        // Withdrawn, or waited past its time, between claim and start: intake's rule, applied again just before the run.
        this.slots.ended(execution);
        const claim = execution.begun ? execution.claim : undefined;
        const verdict = intake(rules, execution.delivery, waited, monotonic, claim);
        if (verdict.kind !== "run") this.#refusals.refuse(verdict, execution.delivery, claim);
        continue;
      }
      execution.startedAt = now;
      starting.push(execution);
    }
    this.#starter.start(starting);
    for (const [execution, wait] of this.slots.takeSurplus(monotonic)) this.#later(execution, "other-suspects", wait);
    // Suspects were picked alone: whether there is room for others beside them, the pool says once it has them.
    if (starting[0]?.isolated && this.slots.waiting > 0) this.#schedule();
  }

  #run(execution: Execution): void {
    const { report, turning } = this.#options;
    // Its start was being registered meanwhile, which can take as long as the lease.
    const leased = execution.definition.ack !== "early";
    if (leased && turning.slept(execution.claimedAt)) return this.#unpooled(execution, "paused");
    report.started(execution);
    // A pool answers with an outcome, whatever happens; this is what its own failure looks like.
    const failed = (error: unknown): void => {
      report.warning("POOL_FAILED", "the pool could not run a task; it goes back to the queue", error);
      this.#unpooled(execution, "pool-failed");
    };
    try {
      this.#options.pool
        .run(callOf(execution, this.#options.rules), execution.abort)
        .then((outcome) => this.#finish(execution, coveredOutcome(execution, outcome)), failed);
    } catch (error) {
      failed(error);
    }
  }

  #unpooled(execution: Execution, why: string): void {
    this.slots.ended(execution);
    this.#later(execution, why);
  }

  #finish(execution: Execution, outcome: PoolOutcome): void {
    this.slots.ended(execution);
    this.#options.credit.finished(1);
    const taken = execution.interrupted === "lease-lost";
    if (!taken) return this.#end(execution, settlementOf(tracedContext(this.#context, execution), execution, outcome));
    this.#options.report.ended(execution, { end: { kind: "returned", why: "lease-lost" } }, "lost");
    this.#schedule();
  }

  #end(execution: Execution, ending: Ending): void {
    const { headers, claim, begun } = execution;
    const claimed = begun ? { id: headers.id, fence: claim.fence } : undefined;
    this.#options.settler.add({ ending, execution, claimed });
    this.#schedule();
  }

  /** Back to the front, each before the one that came after it. */
  #giveBack(executions: readonly Execution[], why: string): void {
    for (const execution of executions.toReversed()) this.#end(execution, returned(execution, why));
  }

  /** Back for a moment: what failed will fail again if it is tried at once. */
  #later(execution: Execution, why: string, wait = longestUnstarted): void {
    this.#end(execution, returned(execution, why, this.#now() + wait));
  }

  /** Looked at anew: the ledger knows more of it, its start stands there now (`begun`), or its message is another. */
  #look(delivery: Delivery, claim?: Claim, begun = claim !== undefined): void {
    const { rules, clock } = this.#options;
    const verdict = intake(rules, delivery, this.#now(), clock.monotonic(), claim, begun);
    if (verdict.kind !== "run") this.#refusals.refuse(verdict, delivery, begun ? claim : undefined);
    else if (hadEarlierRun(verdict.execution)) void this.#preparing.prepare([verdict.execution]);
    else this.#admit(verdict.execution);
  }

  #now(): number {
    return this.#options.time.now(this.#options.clock.monotonic());
  }

  #want(): void {
    const { credit, settler, capacity } = this.#options;
    if (this.#paused || !this.#consumer) return;
    const { free, suspects, acknowledged } = this.slots;
    const patient = Math.min(capacity.slots, this.#preparing.patient);
    const hold = credit.hold(settler.held, acknowledged) + suspects + patient;
    const wanted = `${String(hold)}/${String(free)}`;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#consumer.want(hold, free);
  }
}
