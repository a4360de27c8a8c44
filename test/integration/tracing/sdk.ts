/**
 * OpenTelemetry's SDK as a user sets it up, loaded before the app in its process and in each child. Spans go to the file that TRACE_FILE
 * names, a line each; they are kept back until somebody flushes, so that what nobody flushes is missing.
 */

import { appendFileSync } from "node:fs";
import { metrics } from "@opentelemetry/api";
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from "@opentelemetry/sdk-metrics";
import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, NodeTracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace-node";

export interface KeptSpan {
  readonly name: string;
  readonly kind: number;
  readonly trace: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number; readonly message?: string };
  readonly events: readonly { readonly name: string; readonly attributes?: Readonly<Record<string, unknown>> }[];
  readonly ms: number;
  readonly pid: number;
}

const longDelay = 2 ** 30;
const file = process.env["TRACE_FILE"];

new NodeTracerProvider({
  spanProcessors: [
    new BatchSpanProcessor(
      {
        export(spans, done) {
          if (file !== undefined) for (const span of spans) appendFileSync(file, `${JSON.stringify(kept(span))}\n`);
          done({ code: 0 });
        },
        shutdown: () => Promise.resolve(),
      },
      { scheduledDelayMillis: longDelay, maxExportBatchSize: 10_000, maxQueueSize: 10_000 },
    ),
  ],
}).register();

/** Of this process. */
export const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
metrics.setGlobalMeterProvider(
  new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: longDelay })],
  }),
);

function kept(span: ReadableSpan): KeptSpan {
  const { traceId, spanId } = span.spanContext();
  const { name, kind, attributes, status, duration } = span;
  return {
    name,
    kind,
    trace: traceId,
    id: spanId,
    parent: span.parentSpanContext?.spanId,
    attributes,
    status,
    events: span.events.map((event) => ({ name: event.name, attributes: event.attributes ?? {} })),
    ms: duration[0] * 1000 + duration[1] / 1e6,
    pid: process.pid,
  };
}
