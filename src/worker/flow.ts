/**
 * The pipe: deliveries in, executions through the pool, settlements out. Everything here happens on one thread and in order of
 * arrival; the only waits are the broker's and the pool's.
 */

import type { Clock } from "../clock/clock.ts";
import type { Consumer, Delivery, Settled } from "../port/broker.ts";
import type { ResultStore, StoredOutcome } from "../port/result-store.ts";
import type { Pool, PoolOutcome } from "../pool/pool.ts";
import type { Call } from "../pool/pool-message.ts";
import { stringifyJson } from "../wire/json.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import type { Credit } from "./credit.ts";
import { type Ending, returned } from "./ending.ts";
import { attemptOf, type Execution } from "./execution.ts";
import { intake, type IntakeRules } from "./intake.ts";
import type { Reporter } from "./reporter.ts";
import { settledBefore, settlementOf, type SettlementContext } from "./settlement.ts";
import { type Entry, Settler } from "./settler.ts";
import { Slots } from "./slots.ts";

/** A delivery that waited unstarted for this long goes back, so that an idle neighbour can have it. */
const longestUnstarted = 1000;
/**
 * Ended tasks on their way to the broker take no room from new ones, up to so many. Beyond, a broker that answers claims faster than
 * settlements would be claimed empty: the memory broker's whole backlog ran in one turn, with no timer and no socket served.
 */
const mostUnsettled = 1000;
const finalStates = new Set(["SUCCESS", "FAILURE", "REVOKED"]);
const decoder = new TextDecoder();

export interface FlowOptions {
  readonly clock: Clock;
  readonly rules: IntakeRules;
  readonly context: Omit<SettlementContext, "now">;
  readonly store: ResultStore;
  readonly pool: Pool;
  /** Slots of the pool. */
  readonly capacity: number;
  readonly credit: Credit;
  readonly settler: Settler;
  readonly report: Reporter;
  /** What a death of this whole process says about a running task. */
  readonly blame: (execution: Execution) => "suspect" | "sure";
}

export class Flow {
  readonly #options: FlowOptions;
  readonly slots: Slots;
  #consumer: Consumer | undefined;
  #dispatching = false;
  #paused = false;
  #preparing = 0;
  #wanted = "";
  #idle: (() => void)[] = [];

  constructor(options: FlowOptions) {
    this.#options = options;
    this.slots = new Slots(options.pool);
  }

  attach(consumer: Consumer): void {
    this.#consumer = consumer;
    this.#options.settler.attach(consumer);
    this.#want();
  }

  /** No new starts; what runs runs on. */
  pause(): void {
    this.#paused = true;
    this.#consumer?.pause();
  }

  /** Deliveries that the broker has claimed for us. */
  readonly take = (batch: readonly Delivery[]): void => {
    const { clock, rules } = this.#options;
    const now = clock.now();
    const monotonic = clock.monotonic();
    const again: Execution[] = [];
    for (const delivery of batch) {
      const verdict = intake(rules, delivery, now, monotonic);
      if (verdict.kind === "run") {
        const { execution } = verdict;
        if (ranBefore(delivery) || execution.headers.retries > 0) again.push(execution);
        else this.#admit(execution);
      } else {
        if (verdict.kind !== "parked") this.#options.report.refused(verdict, delivery);
        this.#options.settler.add({
          ending: { settlement: verdict.settlement, end: { kind: "returned", why: verdict.kind }, before: [] },
          execution: undefined,
        });
      }
    }
    if (again.length > 0) void this.#prepare(again);
    this.#schedule();
  };

  /** Gives back what has waited too long without a free slot. Called a few times a second. */
  giveBackStale(): void {
    if (this.#paused) return;
    const limit = this.#options.clock.monotonic() - longestUnstarted;
    for (const execution of this.slots.takeOlder(limit)) this.#end(execution, returned(execution, "waited"));
    this.#schedule();
  }

  /** The pool has room that no settlement announced: a child has come up. */
  wake(): void {
    this.#schedule();
  }

  /** Resolves when nothing runs any more, or when `signal` aborts. */
  async quiet(signal: AbortSignal): Promise<void> {
    if ((this.slots.running.size === 0 && this.#preparing === 0) || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** A settlement's answer. */
  readonly settled = (entry: Entry, how: Settled["kind"] | undefined): void => {
    if (entry.execution) this.#options.report.ended(entry.execution, entry.ending.end, how ?? "lost");
    this.#schedule();
  };

  /** Had an earlier run: its result may be final already, and its checkpoints wait. */
  async #prepare(executions: readonly Execution[]): Promise<void> {
    const { store, clock, context, report } = this.#options;
    this.#preparing += executions.length;
    try {
      const ids = executions.map(({ headers }) => headers.id);
      const [outcomes, points] = await Promise.all([
        store.get(ids),
        Promise.all(ids.map(async (id) => store.checkpoints?.read(id))),
      ]);
      executions.forEach((execution, index) => {
        const outcome = outcomes[index];
        if (outcome && finalStates.has(outcome.state) && ranBefore(execution.delivery)) {
          this.#end(execution, settledBefore({ ...context, now: clock.now() }, execution, resultText(outcome)));
          return;
        }
        const kept = [...(points[index] ?? [])].map(([name, value]) => [name, decoder.decode(value)] as const);
        this.#admit(kept.length > 0 ? { ...execution, checkpoints: kept } : execution);
      });
    } catch (error) {
      // The store did not answer, so whether these ran is unknown: they go back, and another claim asks again.
      report.warning("RESULT_STORE", "could not look up earlier runs; the tasks go back to the queue", error);
      const due = clock.now() + longestUnstarted;
      for (const execution of executions) {
        const { delivery } = execution;
        this.#end(execution, {
          settlement: { delivery, then: { kind: "requeue", at: "front", due } },
          end: { kind: "returned", why: "store-unreachable" },
          before: [],
        });
      }
    } finally {
      this.#preparing -= executions.length;
      this.#schedule();
    }
  }

  #admit(execution: Execution): void {
    const { lost } = execution.delivery;
    if (lost.aborted) return;
    lost.addEventListener("abort", () => this.#leaseLost(execution), { once: true });
    this.slots.add(execution, this.#options.clock.monotonic());
  }

  #leaseLost(execution: Execution): void {
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
      if (!this.#paused) this.#dispatch();
      this.#want();
      if (this.slots.running.size > 0 || this.#preparing > 0) return;
      for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  #dispatch(): void {
    const { clock, blame, report, settler } = this.#options;
    const now = clock.now();
    const monotonic = clock.monotonic();
    const started: { suspect: Delivery[]; sure: Delivery[] } = { suspect: [], sure: [] };
    const starting: Execution[] = [];
    for (const execution of this.slots.take(monotonic)) {
      const { expires } = execution.headers;
      if (expires !== undefined && now > expires) {
        // Waited past its time between claim and start: intake's rule, applied again just before the run.
        this.slots.ended(execution);
        const verdict = intake(this.#options.rules, execution.delivery, now, monotonic);
        if (verdict.kind === "run" || verdict.kind === "parked") continue;
        report.refused(verdict, execution.delivery);
        settler.add({
          ending: { settlement: verdict.settlement, end: { kind: "returned", why: "expired" }, before: [] },
          execution: undefined,
        });
        continue;
      }
      execution.startedAt = now;
      started[blame(execution)].push(execution.delivery);
      starting.push(execution);
    }
    // Marked before the pool hears of them: a start that nobody counted could kill workers for ever.
    if (started.suspect.length > 0) this.#consumer?.started(started.suspect, "suspect");
    if (started.sure.length > 0) this.#consumer?.started(started.sure, "sure");
    for (const execution of starting) this.#run(execution);
    // Suspects were picked alone: whether there is room for others beside them, the pool says once it has them.
    if (starting[0]?.isolated && this.slots.waiting > 0) this.#schedule();
  }

  #run(execution: Execution): void {
    const { pool, report } = this.#options;
    report.started(execution);
    if (execution.definition.ack === "early") {
      void this.#consumer?.settle([{ delivery: execution.delivery, then: { kind: "ack" } }]);
    }
    void pool.run(callOf(execution), execution.abort.signal).then((outcome) => this.#finish(execution, outcome));
  }

  #finish(execution: Execution, outcome: PoolOutcome): void {
    const { clock, context, credit, report } = this.#options;
    this.slots.ended(execution);
    credit.finished(1);
    if (execution.interrupted === "lease-lost") {
      report.ended(execution, { kind: "returned", why: "lease-lost" }, "lost");
      this.#schedule();
      return;
    }
    this.#end(execution, settlementOf({ ...context, now: clock.now() }, execution, outcome));
  }

  #end(execution: Execution, ending: Ending): void {
    this.#options.settler.add({ ending, execution });
    this.#schedule();
  }

  #want(): void {
    const { credit, capacity, settler } = this.#options;
    if (this.#paused || !this.#consumer) return;
    const free = Math.max(0, capacity - this.slots.running.size - this.slots.waiting);
    const hold = capacity + credit.ahead() + Math.min(settler.pending, mostUnsettled);
    const wanted = `${String(hold)}/${String(free)}`;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#consumer.want(hold, free);
  }
}

function callOf(execution: Execution): Call {
  const { headers, definition, delivery } = execution;
  return {
    slot: execution.slot,
    task: headers.task,
    id: headers.id,
    attempt: attemptOf(execution),
    fence: delivery.fence,
    input: { contentType: execution.message.contentType, bytes: execution.call },
    soft: headers.timeLimit.soft ?? definition.softTimeLimit ?? null,
    hard: headers.timeLimit.hard ?? definition.timeLimit ?? null,
    checkpoints: execution.checkpoints,
    lineage: {
      root: headers.rootId ?? headers.id,
      parent: headers.parentId ?? null,
      group: headers.group ?? null,
      stamps: headers.stamps ?? null,
      trace: null,
    },
    isolated: execution.isolated,
    queue: delivery.queue,
    headers: isEmpty(headers.custom) ? "{}" : stringifyJson(headers.custom),
  };
}

/** Claimed by somebody before us: it may have got as far as a stored result. */
function ranBefore(delivery: Delivery): boolean {
  return delivery.redelivered || delivery.crashes > 0 || delivery.suspicions > 0;
}

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  for (const key in record) if (Object.hasOwn(record, key)) return false;
  return true;
}

function resultText(outcome: StoredOutcome): { state: string; json: string } {
  return { state: outcome.state, json: stringifyJson(decodeTaskMeta(outcome.meta).result) };
}
