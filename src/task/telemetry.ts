/**
 * The seam of tracing: what a send and a run tell whoever traces them, and what they get back to carry on. It knows no tracing library;
 * where no app names one, nothing of it is called.
 */

import type { Clock } from "../clock/clock.ts";

/** What a message carries of a trace: headers and their texts, by default W3C's `traceparent`, `tracestate` and `baggage`. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** Which broker, in the words of a trace. */
export interface BrokerName {
  /** `rabbitmq`, `redis`, `sqlite` or `memory`. */
  readonly system: string;
  /** Host; absent where there is none. */
  readonly address?: string;
  readonly port?: number;
}

/** Where a run stands in its trace: plain data, for it goes to the child that runs the handler. */
export interface TracePlace {
  readonly headers: TraceHeaders;
  readonly broker: BrokerName;
}

/** One `enqueue`, one `enqueueMany`, the start of one workflow, or a tick of a schedule. */
export interface SendFacts {
  readonly broker: BrokerName;
  /** A task's name; of a workflow Celery's, such as `celery.chain`. */
  readonly task: string;
  /** Absent where there are several, or where nobody says. */
  readonly queue: string | undefined;
  /** Of the message, if it is one. */
  readonly id: string | undefined;
  /** The first task of the workflow that it belongs to; absent where it begins one. */
  readonly root: string | undefined;
  /** Messages; a workflow is one. */
  readonly count: number;
  /** Of a tick: the schedule's name. Nobody asked for it just now, so it begins a trace, whatever is active. */
  readonly schedule?: string | undefined;
}

/** One run in a worker. */
export interface RunFacts {
  readonly broker: BrokerName;
  readonly worker: string;
  readonly task: string;
  readonly id: string;
  readonly root: string;
  readonly queue: string;
  /** 1 for the first run. */
  readonly attempt: number;
  /** The message's own headers, from whomever: only what can be read as a trace is. */
  readonly headers: Readonly<Record<string, unknown>>;
}

/** How a run ended. */
export interface RunEnd {
  /** `succeeded`, `failed`, `retried`, `dead`, `lost`, `revoked`, `returned`, … */
  readonly kind: string;
  /** What it ended with, if that is an error. */
  readonly error?: { readonly type: string; readonly message: string; readonly stack?: string | undefined } | undefined;
}

/** A run that is traced. */
export interface RunTrace {
  readonly place: TracePlace;
  /** For log lines; absent where nothing is recorded. */
  readonly ids: { readonly traceId: string; readonly spanId: string } | undefined;
  /** Its handler is done: what comes after is the broker's time. */
  ran(): void;
  /** Once, when the broker knows. */
  end(end: RunEnd): void;
}

/** The slots of a worker, now. */
export interface SlotFacts {
  readonly size: number;
  readonly busy: number;
  /** Claimed, and waiting for a slot. */
  readonly waiting: number;
}

/**
 * Traces and measures an app. Made by `openTelemetry()` of `celeriac/opentelemetry`; nothing of it throws for a reason of its own.
 *
 * @example
 * ```ts
 * import { createApp, type Telemetry } from "celeriac";
 * import { openTelemetry } from "celeriac/opentelemetry";
 * const telemetry: Telemetry = openTelemetry();
 * const app = createApp({ broker: "sqlite:celeriac.db", telemetry });
 * ```
 */
export interface Telemetry {
  /** Calls `send` at once with the headers for its messages; gives and throws what it does, and ends when that has ended. */
  sending<T>(facts: SendFacts, send: (trace: TraceHeaders) => T): T;
  /** So many messages were accepted for this queue. */
  sent(broker: BrokerName, queue: string, count: number): void;
  /** A run begins. */
  run(facts: RunFacts): RunTrace;
  /** Calls a handler where `place` says that it stands; gives and throws what it does. `mask` covers what is told of an error. */
  handling<T>(place: TracePlace, task: string, id: string, handle: () => T, mask?: (text: string) => string): T;
  /** Measures a worker until disposed. */
  worker(name: string, read: () => SlotFacts): Disposable;
  /** Resolves when all that was recorded is handed over, or when `signal` aborts; never rejects. */
  flush(signal: AbortSignal): Promise<void>;
}

/** Hands over what was recorded, for a process that may end now; waits no longer than `limit`, ms. */
export async function flushed(telemetry: Telemetry, clock: Clock, limit: number): Promise<void> {
  const over = new AbortController();
  using _timer = clock.after(limit, () => over.abort());
  await telemetry.flush(over.signal);
}
