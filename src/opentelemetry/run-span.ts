/** The span of one run in a worker, from its start to what the broker was told of it. */

import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import type { RunEnd, RunTrace, TracePlace } from "../task/telemetry.ts";

export class RunSpan implements RunTrace {
  readonly place: TracePlace;
  readonly ids: RunTrace["ids"];
  readonly #span: Span;
  readonly #measured: (seconds: number, attributes: Attributes) => void;
  readonly #began = performance.now();
  #ran: number | undefined;

  constructor(span: Span, place: TracePlace, measured: (seconds: number, attributes: Attributes) => void) {
    const { traceId, spanId } = span.spanContext();
    this.#span = span;
    this.place = place;
    // Without an SDK all spans have the same ids, of zeros.
    this.ids = /[^0]/.test(traceId) ? { traceId, spanId } : undefined;
    this.#measured = measured;
  }

  ran(): void {
    this.#ran ??= performance.now();
  }

  end({ kind, error }: RunEnd): void {
    const end = this.#ran ?? performance.now();
    const how = { "celeriac.end": kind, ...(error !== undefined && { "error.type": error.type }) };
    this.#measured((end - this.#began) / 1000, how);
    const span = this.#span;
    span.setAttributes(how);
    if (error !== undefined) {
      const { type, message, stack } = error;
      span.addEvent(
        "exception",
        {
          "exception.type": type,
          "exception.message": message,
          ...(stack !== undefined && { "exception.stacktrace": stack }),
        },
        end,
      );
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    // A moment of this process's own clock: the SDK takes it for that, and not for a date.
    span.end(end);
  }
}
