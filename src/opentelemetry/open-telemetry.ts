/**
 * Spans and measurements for what an app sends and runs. It speaks to OpenTelemetry's API, which passes all of it to the SDK that the user
 * has started in this process, or to nobody; nothing is sampled, kept or exported here.
 */

import { readFileSync } from "node:fs";
import {
  type Attributes,
  type Context,
  context,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { decisionOf } from "../task/control-flow.ts";
import type {
  BrokerName,
  RunFacts,
  RunTrace,
  SendFacts,
  SlotFacts,
  Telemetry,
  TraceHeaders,
  TracePlace,
} from "../task/telemetry.ts";
import { common, errorType, ofRun, ofSend } from "./attributes.ts";
import { contextIn, headersOf } from "./carrier.ts";
import { Meters } from "./meters.ts";
import { RunSpan } from "./run-span.ts";

const scope = "celeriac";

/**
 * Traces and measures an app through `@opentelemetry/api`: a span for each send and each run, in one trace across brokers, pools, workflows
 * and Python's workers, and figures by the messaging conventions. Start your SDK before the app is imported (`node --import ./tracing.ts`);
 * without one, all of it does nothing. Children of a pool load the SDK with the app, or by `NODE_OPTIONS`.
 *
 * Importing `celeriac/opentelemetry` fails with Node's ERR_MODULE_NOT_FOUND where `@opentelemetry/api` is not installed.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * import { openTelemetry } from "celeriac/opentelemetry";
 * export const app = createApp({ broker: "sqlite:celeriac.db", telemetry: openTelemetry() });
 * ```
 */
export function openTelemetry(): Telemetry {
  return new OpenTelemetry();
}

class OpenTelemetry implements Telemetry {
  readonly #version = packageVersion();
  readonly #tracer: Tracer = trace.getTracer(scope, this.#version);
  /** Runs of this very process, by what is handed to the pool: inline handlers get the span itself, and not only its name. */
  readonly #here = new WeakMap<TracePlace, Context>();
  #meters: Meters | undefined;

  get #measure(): Meters {
    return (this.#meters ??= new Meters(scope, this.#version));
  }

  sending<T>(facts: SendFacts, send: (headers: TraceHeaders) => T): T {
    const began = performance.now();
    const attributes = ofSend(facts);
    const around = facts.schedule === undefined ? context.active() : ROOT_CONTEXT;
    const span = this.#tracer.startSpan(`send ${facts.task}`, { kind: SpanKind.PRODUCER, attributes }, around);
    const within = trace.setSpan(around, span);
    const measured = common(facts.broker, "send", facts.queue);
    const ended = (thrown?: Thrown): void => {
      if (thrown !== undefined) {
        const type = errorType(thrown.error);
        measured["error.type"] = type;
        this.#measure.sent.add(facts.count, measured);
        failed(span, thrown.error, type);
      }
      this.#measure.sending.record((performance.now() - began) / 1000, measured);
      span.end();
    };
    return watched(() => context.with(within, () => send(headersOf(within))), ended);
  }

  sent(broker: BrokerName, queue: string, count: number): void {
    this.#measure.sent.add(count, common(broker, "send", queue));
  }

  run(facts: RunFacts): RunTrace {
    const sender = contextIn(facts.headers);
    const attributes = ofRun(facts);
    const span = this.#tracer.startSpan(`process ${facts.task}`, { kind: SpanKind.CONSUMER, attributes }, sender);
    const within = trace.setSpan(sender, span);
    const place: TracePlace = { headers: headersOf(within), broker: facts.broker };
    this.#here.set(place, within);
    const measured: Attributes = {
      ...common(facts.broker, "process", facts.queue),
      "celery.task_name": facts.task,
    };
    this.#measure.consumed.add(1, measured);
    return new RunSpan(span, place, (seconds, how) =>
      this.#measure.processing.record(seconds, { ...measured, ...how }),
    );
  }

  /** In a child the worker's span is only a name, which takes no attributes; so the handler gets one of its own there. */
  handling<T>(place: TracePlace, task: string, id: string, handle: () => T, mask: Mask = asItIs): T {
    const here = this.#here.get(place);
    if (here !== undefined) return context.with(here, handle);
    const worker = contextIn(place.headers);
    const attributes = { "celery.task_name": task, "messaging.message.id": id, "process.pid": process.pid };
    const span = this.#tracer.startSpan(`run ${task}`, { kind: SpanKind.INTERNAL, attributes }, worker);
    return watched(
      () => context.with(trace.setSpan(worker, span), handle),
      (thrown) => {
        // `ctx.retry` and its like are decisions and no errors.
        if (thrown !== undefined && decisionOf(thrown.error) === undefined)
          failed(span, thrown.error, errorType(thrown.error), mask);
        span.end();
      },
    );
  }

  worker(name: string, read: () => SlotFacts): Disposable {
    return this.#measure.observe({ "messaging.client.id": name }, read);
  }

  /** The API knows no flush, SDKs do. */
  async flush(signal: AbortSignal): Promise<void> {
    const tracing = trace.getTracerProvider() as Flushable & { getDelegate?(): Flushable };
    const over = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const flushes = [tracing.getDelegate?.() ?? tracing, metrics.getMeterProvider() as Flushable];
    await Promise.race([over, Promise.allSettled(flushes.map(async (each) => each.forceFlush?.()))]);
  }
}

type Mask = (text: string) => string;
const asItIs: Mask = (text) => text;

/** Anything can be thrown, `undefined` too. */
interface Thrown {
  readonly error: unknown;
}

interface Flushable {
  forceFlush?(): Promise<void>;
}

/** Calls `ended` when what `work` began has ended; gives and throws what it does. */
function watched<T>(work: () => T, ended: (thrown?: Thrown) => void): T {
  let value: T;
  try {
    value = work();
  } catch (error) {
    ended({ error });
    throw error;
  }
  if (!isThenable(value)) {
    ended();
    return value;
  }
  return value.then(
    (result) => {
      ended();
      return result;
    },
    (error: unknown) => {
      ended({ error });
      throw error;
    },
  ) as T;
}

function failed(span: Span, error: unknown, type: string, mask: Mask = asItIs): void {
  const { name, message, stack = "" } = error instanceof Error ? error : { name: type, message: String(error) };
  span.recordException({ name, message: mask(message), stack: mask(stack) });
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: mask(message) });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
