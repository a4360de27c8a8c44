/**
 * A task's steps as the states it was in: a pure function of the set of steps, so that late and repeated events cannot spoil a history,
 * and "as of then" is the same function of fewer steps. The order of states is Celery's (events/state.py): what logically came before
 * adds what it knows and does not take a state back. A higher fence is a later run, whatever the clocks say.
 *
 *   delayed ─(due)─▶ queued ─▶ running ─▶ succeeded │ failed ─▶ dead │ revoked
 *                      ▲  ╲______╱ ╲─▶ retrying ─▶ running …
 *                      └─ returned, crashed
 */

import type { TaskState } from "../contract.ts";
import type { Step } from "./step.ts";

/** A stretch in one state, in one pair of hands. */
export interface Span {
  readonly state: TaskState;
  readonly from: number;
  /** Infinity: still. */
  readonly until: number;
  readonly worker: string | undefined;
  readonly queue: string | undefined;
}

/** One run, and the wait before it. */
export interface Run {
  readonly start: number;
  /** Since it could have run. */
  readonly wait: number;
  readonly end: number | undefined;
  readonly worker: string | undefined;
  readonly queue: string | undefined;
}

export interface Life {
  readonly seen: number;
  /** Without holes, the last is open. Empty: nothing is known yet. */
  readonly spans: readonly Span[];
  readonly runs: readonly Run[];
  /** When a delayed one may run. */
  readonly due: number | undefined;
  /** First lines of the last error. */
  readonly error: string | undefined;
}

/** Clocks of machines that run tasks together differ by less than this, ms: what comes so much after an end is a new life. */
export const skew = 1000;
const rank: Readonly<Record<TaskState, number>> = {
  queued: 1,
  delayed: 1,
  retrying: 1,
  running: 2,
  revoked: 3,
  failed: 4,
  dead: 5,
  succeeded: 6,
};
const ends = 3;
/** What a worker says of a message whose task had ended before it came again (src/worker/task-events.ts). */
const finishedBefore = "was finished before";
/** A revoke, known before a worker has met the task: what runs already may run on. */
export const beforeItRan = "revoked before it ran";
const endOf = { succeeded: "succeeded", failed: "failed", revoked: "revoked", dead: "dead", rejected: "dead" } as const;

/** Whose text is an error. */
export function tellsError(kind: Step["kind"]): boolean {
  return kind === "failed" || kind === "retried" || kind === "crashed" || kind === "dead";
}

/** @param at of the steps up to this moment alone. */
export function foldSteps(steps: readonly Step[], at: number = Infinity): Life {
  // Where it was sent it lay before a step says so.
  const fold = new Fold(steps[0]?.at ?? 0, steps.find(({ queue }) => queue !== undefined)?.queue);
  for (const step of steps) {
    if (step.at > at) break;
    fold.take(step);
  }
  return fold.life();
}

class Fold {
  readonly #seen: number;
  readonly #spans: Span[] = [];
  readonly #runs: Run[] = [];
  #state: TaskState | undefined;
  #since = 0;
  #fence = 0;
  #attempt = 0;
  /** How it ended last, before a new life began. */
  #end: TaskState | undefined;
  #worker: string | undefined;
  #queue: string | undefined;
  #due: number | undefined;
  #error: string | undefined;
  /** Since when it could run; `undefined` while it runs or has ended. */
  #ready: number | undefined;
  #start: number | undefined;

  constructor(seen: number, queue: string | undefined) {
    this.#seen = seen;
    this.#queue = queue;
  }

  take(step: Step): void {
    const { kind, at, text } = step;
    this.#tick(at);
    const state = this.#state;
    if (kind === "checkpoint" || kind === "event" || kind === "progress") {
      if (state === undefined) this.#enter("running", step);
      return;
    }
    if (state !== undefined && this.#former(step)) return;
    const later = this.#fence > 0 && (step.fence ?? 0) > this.#fence;
    const over = state !== undefined && rank[state] >= ends;
    const anew = later || (over && at - this.#since > skew);
    if (tellsError(kind) && text !== undefined) this.#error = text;
    switch (kind) {
      case "sent":
        if (state === undefined) this.#wait(step, step.due);
        return;
      case "received":
        if ((over && !anew) || (state === "running" && !later)) return;
        if (state === "retrying") this.#enter("retrying", step, step.due ?? this.#due);
        else this.#wait(step, step.due ?? (over ? undefined : this.#due));
        return;
      case "started":
        if (over && !anew) return;
        if (state === "running" && !later && (step.worker ?? this.#worker) === this.#worker) return;
        return this.#enter("running", step);
      case "retried":
        if (over && !anew) return;
        return this.#enter("retrying", step, step.due);
      case "returned":
      case "crashed":
        if (over && !later) return;
        if (this.#end !== undefined && text?.startsWith(finishedBefore)) return this.#enter(this.#end, step);
        if (state === "running" && (step.worker ?? this.#worker) !== this.#worker) return;
        return this.#enter("queued", { ...step, worker: undefined });
      case "succeeded":
      case "failed":
      case "revoked":
      case "rejected":
      case "dead": {
        const end = endOf[kind];
        if (text === beforeItRan && state !== undefined && rank[state] >= rank.running) return;
        if (over && !later && rank[end] <= rank[state]) return;
        return this.#enter(end, step);
      }
    }
  }

  /** Of a run that another has taken the place of. */
  #former({ fence, attempt }: Step): boolean {
    return fence === undefined ? (attempt ?? Infinity) < this.#attempt : fence < this.#fence;
  }

  /** The time of a delay may be over before anything else happens: then it has waited in its queue since. */
  #tick(at: number): void {
    const due = this.#due;
    if (this.#state !== "delayed" || due === undefined || due > at) return;
    this.#close(due);
    this.#state = "queued";
    this.#since = due;
  }

  #wait(step: Step, due: number | undefined): void {
    this.#enter(due !== undefined && due > step.at ? "delayed" : "queued", step, due);
  }

  #enter(state: TaskState, step: Step, due?: number): void {
    const { at, worker, fence, attempt, kind } = step;
    if ((fence ?? 0) > this.#fence) this.#attempt = attempt ?? 0;
    else this.#attempt = Math.max(this.#attempt, attempt ?? 0);
    this.#fence = Math.max(this.#fence, fence ?? 0);
    if (rank[state] >= ends) this.#end = state;
    // Who ends it is who ran it, though the one who buries or revokes may be another.
    const hands = rank[state] >= ends ? (worker ?? this.#worker) : worker;
    const queue = step.queue ?? this.#queue;
    if (this.#start !== undefined && (state !== "running" || kind === "started")) this.#endRun(at);
    if (state === "running") {
      this.#start = at;
      const ready = Math.max(this.#ready ?? at, this.#due ?? 0);
      this.#runs.push({ start: at, wait: Math.max(0, at - ready), end: undefined, worker: hands, queue });
    }
    this.#ready = rank[state] >= rank.running ? undefined : (this.#ready ?? at);
    const same = this.#state === state && this.#worker === hands && this.#queue === queue;
    if (!same || (state === "delayed" && this.#due !== due) || kind === "started") {
      this.#close(at);
      this.#since = at;
    }
    this.#state = state;
    this.#worker = hands;
    this.#queue = queue;
    this.#due = due;
  }

  #endRun(at: number): void {
    const run = this.#runs.at(-1);
    if (run?.end === undefined && run !== undefined) this.#runs[this.#runs.length - 1] = { ...run, end: at };
    this.#start = undefined;
  }

  #close(until: number): void {
    if (this.#state === undefined || until <= this.#since) return;
    this.#spans.push({ state: this.#state, from: this.#since, until, worker: this.#worker, queue: this.#queue });
  }

  life(): Life {
    const due = this.#due;
    this.#tick(Infinity);
    this.#close(Infinity);
    return { seen: this.#seen, spans: this.#spans, runs: this.#runs, due, error: this.#error };
  }
}
