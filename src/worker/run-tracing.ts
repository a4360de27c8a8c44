/**
 * Traces the runs of a worker whose app has a `telemetry`; of any other it is not even made. A run's span is the worker's and not its
 * child's, for only the worker knows how a run ended whose process was killed.
 */

import { brokerName } from "../app/tracing.ts";
import type { Settled } from "../port/broker.ts";
import type { BrokerName, RunEnd, Telemetry } from "../task/telemetry.ts";
import { attemptOf, type Execution } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import { describe } from "./failure.ts";
import type { WorkerInside, WorkerPart } from "./part.ts";
import type { Told, Witness } from "./reporter.ts";

export class RunTracing implements WorkerPart, Witness {
  readonly #inside: Omit<WorkerInside, "events">;
  readonly #telemetry: Telemetry;
  readonly #broker: BrokerName;
  #measuring: Disposable | undefined;

  constructor(inside: Omit<WorkerInside, "events">, telemetry: Telemetry) {
    this.#inside = inside;
    this.#telemetry = telemetry;
    this.#broker = brokerName(inside.core.config.broker);
  }

  async start(): Promise<void> {
    const { id, report, pool, flow } = this.#inside;
    report.watch(this);
    this.#measuring = this.#telemetry.worker(id, () => ({
      size: pool.size.slots,
      busy: flow.slots.running.size,
      waiting: flow.slots.waiting,
    }));
  }

  async stop(): Promise<void> {
    this.#measuring?.[Symbol.dispose]();
  }

  started(execution: Execution): void {
    const { headers, definition, delivery } = execution;
    execution.trace = this.#telemetry.run({
      broker: this.#broker,
      worker: this.#inside.id,
      task: definition.name,
      id: headers.id,
      root: headers.rootId,
      queue: delivery.queue,
      attempt: attemptOf(execution),
      headers: headers.custom,
    });
  }

  ended({ trace }: Execution, told: Told, how: Settled["kind"]): void {
    trace?.end(endOf(told, how));
  }

  admitted(): void {}
  refused(): void {}
  progress(): void {}
  log(): void {}
  checkpoint(): void {}
}

/**
 * What a run sends when it has ended belongs to its trace. A retry does not: it is the same message once more, so that the tries of a task
 * stand side by side under whoever sent it, however many they are.
 */
export function tracedContext(context: SettlementContext, execution: Execution): SettlementContext {
  const { trace } = execution;
  if (trace === undefined) return context;
  trace.ran();
  return { ...context, trace: trace.place.headers };
}

function endOf({ end, failure }: Told, how: Settled["kind"]): RunEnd {
  if (how === "lost") return { kind: "lost", error: { type: "LEASE_LOST", message: "another worker has it by now" } };
  const { kind } = end;
  if (failure) {
    const { exc_type: type } = failure.exception;
    return { kind, error: { type, message: describe(failure.exception), stack: failure.traceback ?? undefined } };
  }
  if (kind === "lost") return { kind, error: { type: "WorkerLostError", message: end.error } };
  return { kind: how === "already-final" ? "final-before" : kind };
}
