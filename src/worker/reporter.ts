/** Tells listeners what happens in this worker, and counts it. Nothing is built for an event that nobody listens to. */

import type { WorkerEvent, WorkerEventType, WorkerStats } from "../app/work.ts";
import type { Clock } from "../clock/clock.ts";
import type { Delivery, Settled } from "../port/broker.ts";
import type { Warning } from "../port/units.ts";
import { type Execution } from "./execution.ts";
import { logLevels } from "../pool/call-context.ts";
import type { ChildEvent } from "../pool/pool-options.ts";
import type { Intake } from "./intake.ts";
import type { Ending } from "./ending.ts";
import type { TaskEnd } from "./task-end.ts";

/** How a run ended, and what it ended with. */
export type Told = Pick<Ending, "end" | "value" | "failure">;
export type Refused = Exclude<Intake, { kind: "run" } | { kind: "parked" }>;

/**
 * Sees the worker's own records as they pass, for what needs more of them than a {@link WorkerEvent} tells. It throws nothing and keeps
 * nothing of what it is shown.
 */
export interface Witness {
  /** Waits for its slot now. */
  admitted(execution: Execution): void;
  started(execution: Execution): void;
  ended(execution: Execution, told: Told, how: Settled["kind"]): void;
  refused(verdict: Refused, delivery: Delivery): void;
  progress(execution: Execution, done: number, total: number | null, note: string | null): void;
  log(execution: Execution, level: string, text: string, fields: string | null): void;
  checkpoint(execution: Execution, name: string): void;
}

type Listener = (event: WorkerEvent) => void;
type Counts = Pick<
  WorkerStats,
  "received" | "succeeded" | "failed" | "retried" | "revoked" | "buried" | "returned" | "lost"
>;
type Facts = Omit<WorkerEvent, "type" | "at" | "worker">;

const levelNames = new Map<number, string>(Object.entries(logLevels).map(([name, level]) => [level, name]));

const listenerFailed = "LISTENER_FAILED";

export class Reporter {
  readonly #clock: Clock;
  readonly #worker: string;
  readonly #everything: Set<Listener> = new Set();
  readonly #byType = new Map<WorkerEventType, Set<Listener>>();
  #witness: Witness | undefined;
  readonly #byTask = new Map<string, number>();
  readonly #counts: { -readonly [K in keyof Counts]: number } = {
    received: 0,
    succeeded: 0,
    failed: 0,
    retried: 0,
    revoked: 0,
    buried: 0,
    returned: 0,
    lost: 0,
  };

  constructor(clock: Clock, worker: string) {
    this.#clock = clock;
    this.#worker = worker;
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** Runs that began, by task. */
  get byTask(): ReadonlyMap<string, number> {
    return this.#byTask;
  }

  all(listener: Listener): void {
    this.#everything.add(listener);
  }

  watch(witness: Witness): void {
    this.#witness = this.#witness === undefined ? witness : inTurn(this.#witness, witness);
  }

  on(type: WorkerEventType, listener: Listener): Disposable {
    const listeners = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, listeners);
    listeners.add(listener);
    return { [Symbol.dispose]: () => listeners.delete(listener) };
  }

  emit(type: WorkerEventType, facts: Facts = {}): void {
    const listeners = this.#byType.get(type);
    if (this.#everything.size === 0 && !listeners?.size) return;
    const event: WorkerEvent = { type, at: this.#clock.now(), worker: this.#worker, ...facts };
    for (const listener of this.#everything) this.#tell(listener, event);
    if (listeners) for (const listener of listeners) this.#tell(listener, event);
  }

  /** What a listener throws is told to all as a warning; it ends neither the worker nor the task that it was told of. */
  #tell(listener: Listener, event: WorkerEvent): void {
    try {
      const answer: unknown = listener(event);
      if (answer instanceof Promise) answer.catch((error: unknown) => this.#blame(event, error));
    } catch (error) {
      this.#blame(event, error);
    }
  }

  #blame(event: WorkerEvent, error: unknown): void {
    if (event.code === listenerFailed) return;
    this.warning(listenerFailed, `a listener of "${event.type}" threw, which changed nothing else`, error);
  }

  warning(code: string, text: string, error?: unknown): void {
    const why = error instanceof Error ? `${text}: ${error.message}` : text;
    this.emit("worker:warning", { code, text: why });
  }

  warnings(warnings: readonly Warning[]): void {
    for (const { code, text } of warnings) this.emit("worker:warning", { code, text });
  }

  /** A child wrote a line to one of its standard streams. */
  line(pid: number, stream: "stdout" | "stderr", text: string, id: string | undefined): void {
    this.emit("child:output", { pid, code: stream, text, ...(id === undefined ? {} : { id }) });
  }

  child(event: ChildEvent): void {
    const { kind, child: pid, ...detail } = event;
    if (kind === "ready") this.emit("child:started", { pid, detail });
    else if (kind === "ended") this.emit("child:exited", { pid, detail });
    else if (kind === "failed")
      this.warning(
        "CHILD_FAILED",
        `a replacement child did not come up (next try in ${String(event.retryIn)} ms)`,
        event.error,
      );
    else if (kind === "stalled")
      this.warning("CHILD_STALLED", `child ${String(pid)} has not answered for ${String(event.ms)} ms`);
    else this.emit("child:retiring", { pid, code: kind === "killed" ? "killed" : "retiring", text: event.why });
  }

  /** Ended at intake, without a run. */
  refused(verdict: Refused, delivery: Delivery): void {
    this.#witness?.refused(verdict, delivery);
    const facts: Facts = {
      queue: delivery.queue,
      fence: delivery.fence,
      ...(verdict.headers ? { id: verdict.headers.id, task: verdict.headers.task } : {}),
    };
    this.#counts.received++;
    if (verdict.kind !== "dead") {
      this.#counts.revoked++;
      this.emit("task:revoked", { ...facts, state: "REVOKED", text: verdict.kind });
      return;
    }
    this.#counts.buried++;
    const { then } = verdict.settlement;
    const text = then.kind === "bury" ? then.letter.detail : "";
    this.emit("task:buried", { ...facts, state: "FAILURE", code: verdict.reason, text });
  }

  admitted(execution: Execution): void {
    this.#witness?.admitted(execution);
    if (!this.#quiet("task:received")) this.emit("task:received", this.#facts(execution));
  }

  started(execution: Execution): void {
    this.#counts.received++;
    const { name } = execution.definition;
    this.#byTask.set(name, (this.#byTask.get(name) ?? 0) + 1);
    this.#witness?.started(execution);
    if (this.#quiet("task:started")) return;
    this.emit("task:started", this.#facts(execution));
  }

  progress(execution: Execution, done: number, total: number | null, note: string | null): void {
    this.#witness?.progress(execution, done, total, note);
    if (this.#quiet("task:progress")) return;
    this.emit("task:progress", { ...this.#facts(execution), detail: { current: done, total, note } });
  }

  log(execution: Execution | undefined, level: number, text: string, fields: string | null): void {
    const name = levelNames.get(level) ?? "info";
    if (execution) this.#witness?.log(execution, name, text, fields);
    if (this.#quiet("task:log")) return;
    this.emit("task:log", {
      ...(execution ? this.#facts(execution) : {}),
      code: name,
      text,
      ...(fields === null ? {} : { detail: JSON.parse(fields) as Record<string, unknown> }),
    });
  }

  checkpoint(execution: Execution, name: string): void {
    this.#witness?.checkpoint(execution, name);
  }

  /** Ended, and the broker knows (or will never know: the lease was lost). */
  ended(execution: Execution, ending: Told, how: Settled["kind"]): void {
    this.#witness?.ended(execution, ending, how);
    const { end } = ending;
    if (how === "lost") {
      this.#counts.lost++;
      this.emit("task:lost", { ...this.#facts(execution), text: "the lease was lost; nothing of this run was stored" });
      return;
    }
    // Another run's result was final before: this one succeeded at nothing.
    const told: TaskEnd = how === "already-final" ? { kind: "final-before", state: "" } : end;
    const [type, facts] = this.#told(told);
    if (!this.#quiet(type)) this.emit(type, { ...this.#facts(execution), ...facts });
    if (!this.#quiet("task:settled")) this.emit("task:settled", { ...this.#facts(execution), ...facts });
  }

  #told(end: TaskEnd): [WorkerEventType, Facts] {
    const counts = this.#counts;
    switch (end.kind) {
      case "succeeded":
        counts.succeeded++;
        return ["task:succeeded", { state: "SUCCESS", ms: end.ms }];
      case "ignored":
        counts.succeeded++;
        return ["task:succeeded", { ms: end.ms, text: "nothing stored, as the task asked" }];
      case "replaced":
        counts.succeeded++;
        return ["task:succeeded", { ms: end.ms, text: `nothing stored: "${end.by}" goes on in its place` }];
      case "failed":
        counts.failed++;
        return ["task:failed", { state: "FAILURE", ms: end.ms, text: end.error }];
      case "retried":
        counts.retried++;
        return ["task:retried", { state: "RETRY", text: end.error, detail: { delay: end.delay } }];
      case "revoked":
        counts.revoked++;
        return ["task:revoked", { state: "REVOKED", text: end.why }];
      case "dead":
        counts.buried++;
        return ["task:buried", { state: "FAILURE", code: end.reason, text: end.detail }];
      case "lost":
        counts.returned++;
        return ["task:returned", { code: end.culprit, text: end.error }];
      case "returned":
        counts.returned++;
        return ["task:returned", { text: end.why }];
      case "final-before":
        counts.returned++;
        return [
          "task:returned",
          {
            ...(end.state === "" ? {} : { state: end.state }),
            text: "was finished before; what follows it was sent again",
          },
        ];
      default:
        return end satisfies never;
    }
  }

  #quiet(type: WorkerEventType): boolean {
    return this.#everything.size === 0 && !this.#byType.get(type)?.size;
  }

  #facts({ headers, delivery, claim, pid, definition, trace }: Execution): Facts {
    return {
      id: headers.id,
      task: definition.name,
      queue: delivery.queue,
      attempt: headers.retries + 1,
      fence: claim.fence,
      ...(pid === undefined ? {} : { pid }),
      ...trace?.ids,
    };
  }
}

/** Two of them as one, so that where there is one nothing is gone through. */
function inTurn(first: Witness, second: Witness): Witness {
  const both = <A extends readonly unknown[]>(tell: (witness: Witness, ...said: A) => void) => {
    return (...said: A): void => {
      tell(first, ...said);
      tell(second, ...said);
    };
  };
  return {
    admitted: both((witness, ...said) => witness.admitted(...said)),
    started: both((witness, ...said) => witness.started(...said)),
    ended: both((witness, ...said) => witness.ended(...said)),
    refused: both((witness, ...said) => witness.refused(...said)),
    progress: both((witness, ...said) => witness.progress(...said)),
    log: both((witness, ...said) => witness.log(...said)),
    checkpoint: both((witness, ...said) => witness.checkpoint(...said)),
  };
}
