/**
 * From picked to running: put back where it is over its rate or has no place, else registered in the ledger where the broker does not fence, taken off the
 * queue where it runs at most once, marked as started where starts are counted, then run.
 */

import type { Consumer, Delivery } from "../port/broker.ts";
import type { Begun, Ledger, Start } from "../port/ledger.ts";
import type { Admission } from "./admission.ts";
import { callHeader } from "../wire/call-mark.ts";
import { finishedRun } from "./earlier-run.ts";
import { type Ending, ending, some } from "./ending.ts";
import type { Claim, Execution } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import type { Reporter } from "./reporter.ts";
import { settledBefore } from "./settlement.ts";
import type { Settler } from "./settler.ts";
import type { Slots } from "./slots.ts";
import { turnOf } from "./turn.ts";

export interface StarterOptions {
  readonly slots: Slots;
  readonly settler: Settler;
  readonly report: Reporter;
  readonly ledger: Ledger | undefined;
  readonly admission?: Admission | undefined;
  readonly context: () => SettlementContext;
  readonly consumer: () => Consumer | undefined;
  /** What a death of this whole process says about a running task. */
  readonly blame: (execution: Execution) => "suspect" | "sure";
  readonly run: (execution: Execution) => void;
  readonly end: (execution: Execution, ending: Ending) => void;
  /** It turned out that a former start died: it is looked at anew with these counts, and stands as begun only if its budget is spent. */
  readonly again: (execution: Execution, claim: Claim) => void;
  /** Its message is another than it was: it is looked at anew. */
  readonly anew: (execution: Execution) => void;
  /** Something ended without a settlement. */
  readonly changed: () => void;
}

export class Starter {
  readonly #options: StarterOptions;

  constructor(options: StarterOptions) {
    this.#options = options;
  }

  start(picked: readonly Execution[]): void {
    const { admission } = this.#options;
    const limited = admission?.limited(picked) ?? [];
    if (admission === undefined || limited.length === 0) {
      this.#start(picked);
      return;
    }
    void this.#await(admission, limited);
    if (limited.length === picked.length) return;
    const waiting = new Set(limited);
    this.#start(picked.filter((execution) => !waiting.has(execution)));
  }

  /** What has to wait does so where it came from, and not here: another of its queue has its slot. */
  async #await(admission: Admission, executions: readonly Execution[]): Promise<void> {
    const { slots, end, report, changed } = this.#options;
    for (const execution of executions) slots.reserve(execution);
    const waits = await admission.take(executions);
    const { now } = this.#options.context();
    const ready: Execution[] = [];
    for (const [index, execution] of executions.entries()) {
      slots.unreserve(execution, false);
      const { delivery } = execution;
      const { wait = 0, why = "rate-limited", behind } = waits[index] ?? {};
      if (delivery.lost.aborted) {
        slots.ended(execution);
        admission.free(delivery);
        report.ended(execution, { end: { kind: "returned", why: "its message was lost before it began" } }, "lost");
      } else if (wait === 0) {
        ready.push(execution);
      } else {
        slots.ended(execution);
        const then = { kind: "requeue", at: "front", due: now + wait, ...some("behind", behind) } as const;
        end(execution, ending({ delivery, then }, { kind: "returned", why }));
      }
    }
    this.#start(ready);
    changed();
  }

  #start(picked: readonly Execution[]): void {
    const consumer = this.#options.consumer();
    const keyed = consumer?.begin === undefined ? [] : picked.filter(({ message }) => callHeader in message.headers);
    if (keyed.length === 0) return this.#register(picked);
    void this.#stand(keyed);
    this.#register(picked.filter(({ message }) => !(callHeader in message.headers)));
  }

  /** What stands for a key of calls is, from now on, what it is: another call may have taken its place since it was looked at. */
  async #stand(executions: readonly Execution[]): Promise<void> {
    const { slots, settler, admission, anew, changed } = this.#options;
    for (const execution of executions) slots.reserve(execution);
    const deliveries = executions.map(({ delivery }) => delivery);
    const known = await settler.repeat(deliveries, async () => {
      await this.#options.consumer()?.begin?.(deliveries.filter(({ lost }) => !lost.aborted));
      return true;
    });
    const ready: Execution[] = [];
    for (const execution of executions) {
      slots.unreserve(execution, false);
      const { delivery, message } = execution;
      const ours = known === true && !delivery.lost.aborted;
      if (ours && delivery.message === message) {
        ready.push(execution);
        continue;
      }
      admission?.free(delivery);
      if (!ours) {
        this.#refused(execution, undefined);
        continue;
      }
      slots.ended(execution);
      anew(execution);
    }
    this.#register(ready);
    changed();
  }

  #register(picked: readonly Execution[]): void {
    const { ledger } = this.#options;
    const fresh = ledger === undefined ? [] : picked.filter(({ begun }) => !begun);
    if (ledger !== undefined && fresh.length > 0) void this.#begin(ledger, fresh);
    this.#mark(fresh.length === 0 ? picked : picked.filter(({ begun }) => begun));
  }

  async #begin(ledger: Ledger, executions: readonly Execution[]): Promise<void> {
    const { slots, settler, report, changed } = this.#options;
    for (const execution of executions) slots.reserve(execution);
    const { worker } = this.#options.context();
    const starts = executions.map((execution): Start => {
      const { headers, delivery, message } = execution;
      return {
        id: headers.id,
        ...turnOf(headers),
        messageId: message.properties.messageId,
        nonce: crypto.randomUUID(),
        redelivered: delivery.redelivered,
        name: delivery.name,
        formerly: delivery.formerly,
        worker,
        blame: this.#options.blame(execution),
      };
    });
    const deliveries = executions.map(({ delivery }) => delivery);
    // Should they be given back before that is answered, they must come again as ones that may have begun. Where a lease is a connection
    // they do so anyway, and what counts as begun would outlast it.
    const consumer = this.#options.consumer();
    if (consumer?.detach === undefined) consumer?.started(deliveries, "suspect");
    let answers: ReadonlyMap<Start, Begun | undefined> | undefined;
    try {
      answers = await settler.repeat(deliveries, async () => {
        // Who has lost its message begins nothing: that would end the run of whoever has it by now.
        const open = starts.filter((_, index) => deliveries[index]?.lost.aborted === false);
        const begun = await ledger.begin(open);
        return new Map(open.map((start, index) => [start, begun[index]]));
      });
    } catch (error) {
      report.warning("RESULT_STORE", "a start could not be registered; the tasks go back to the queue", error);
    }
    const ready: Execution[] = [];
    const dropped: Execution[] = [];
    const suspects: Execution[] = [];
    for (const [index, execution] of executions.entries()) {
      slots.unreserve(execution, false);
      const start = starts[index];
      const answer = start && answers?.get(start);
      if (answer?.kind !== "go") {
        this.#refused(execution, answer);
        continue;
      }
      const way = this.#go(execution, answer);
      if (way === "runs") ready.push(execution);
      else if (way === "alone") suspects.push(execution);
      else if (way === "dropped") dropped.push(execution);
    }
    this.#mark(ready);
    changed();
    await Promise.all([this.#reopen(dropped), this.#isolate(suspects)]);
  }

  /**
   * They begin when there is a place with nothing beside it: a death meanwhile is not their doing, and that of an inline worker is,
   * once they run. What the ledger does not take back stands as begun, and waits like that.
   */
  async #isolate(executions: readonly Execution[]): Promise<void> {
    const { slots, again, changed } = this.#options;
    if (executions.length === 0) return;
    for (const execution of executions) slots.reserve(execution);
    const open = await this.#reopen(executions);
    for (const execution of executions) {
      slots.unreserve(execution, false);
      slots.ended(execution);
      execution.begun = !open;
      again(execution, execution.claim);
    }
    changed();
  }

  /** They did not run after all, so nothing is to be counted for them. False if the ledger could not be told. */
  async #reopen(executions: readonly Execution[]): Promise<boolean> {
    const { ledger, settler, report } = this.#options;
    const marks = executions.flatMap(({ begun, headers, claim }) =>
      begun ? [{ id: headers.id, fence: claim.fence }] : [],
    );
    if (ledger === undefined || marks.length === 0) return true;
    const told = settler.repeat([], async () => {
      await ledger.reopen(marks);
      return true;
    });
    return (
      (await told.catch((error: unknown) =>
        report.warning("RESULT_STORE", "a start that did not run could not be undone", error),
      )) === true
    );
  }

  /** A suspect runs alone; one that is another's by now, or has no budget left, does not run. */
  #go(execution: Execution, claim: Claim): "runs" | "alone" | "dropped" | "ended" {
    const { slots, again, report } = this.#options;
    const { definition, isolated } = execution;
    execution.begun = true;
    execution.claim = claim;
    if (execution.delivery.lost.aborted) {
      slots.ended(execution);
      report.ended(execution, { end: { kind: "returned", why: "its message was lost before it began" } }, "lost");
      return "dropped";
    }
    const died = claim.crashes + claim.suspicions > 0;
    const spent = died && (claim.crashes >= definition.crashes || definition.onCrash === "fail");
    if (!spent) return isolated || !died ? "runs" : "alone";
    slots.ended(execution);
    again(execution, claim);
    return "ended";
  }

  #refused(execution: Execution, answer: Exclude<Begun, { readonly kind: "go" }> | undefined): void {
    const { slots, end, context, report } = this.#options;
    slots.ended(execution);
    const { delivery } = execution;
    if (answer === undefined) {
      report.ended(execution, { end: { kind: "returned", why: "its start could not be registered" } }, "lost");
      return;
    }
    if (answer.kind === "final" && answer.outcome !== undefined) {
      end(execution, settledBefore(context(), execution, finishedRun(answer.outcome)));
      return;
    }
    if (answer.kind === "held") this.#options.admission?.leave(delivery);
    const why = {
      final: "was finished before",
      stale: "a copy of what has begun, or an earlier attempt",
      held: "it runs elsewhere",
    } as const;
    end(execution, ending({ delivery, then: { kind: "ack" } }, { kind: "returned", why: why[answer.kind] }));
  }

  /** Marked before the pool hears of them: a start that nobody counted could kill workers for ever. */
  #mark(executions: readonly Execution[]): void {
    const { blame, run, consumer } = this.#options;
    const started: { suspect: Delivery[]; sure: Delivery[] } = { suspect: [], sure: [] };
    const once: Execution[] = [];
    for (const execution of executions) {
      if (execution.definition.ack === "early") once.push(execution);
      else started[blame(execution)].push(execution.delivery);
    }
    if (started.suspect.length > 0) consumer()?.started(started.suspect, "suspect");
    if (started.sure.length > 0) consumer()?.started(started.sure, "sure");
    for (const execution of executions) if (execution.definition.ack !== "early") run(execution);
    if (once.length > 0) void this.#acknowledge(once);
  }

  /** Those that run at most once are off the queue before they begin; if that is not certain, they do not. */
  async #acknowledge(executions: readonly Execution[]): Promise<void> {
    const { slots, settler, report, run, changed } = this.#options;
    for (const execution of executions) slots.reserve(execution);
    const ours = await settler.acknowledge(executions);
    for (const [index, execution] of executions.entries()) {
      slots.unreserve(execution, ours[index] === true);
      execution.acknowledged = ours[index] === true;
      if (ours[index]) run(execution);
      else {
        slots.ended(execution);
        this.#options.admission?.free(execution.delivery);
        report.ended(execution, { end: { kind: "returned", why: "not acknowledged" } }, "lost");
      }
    }
    changed();
    await this.#reopen(executions.filter(({ acknowledged }) => !acknowledged));
  }
}
