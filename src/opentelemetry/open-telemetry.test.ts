import { context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunFacts, SendFacts } from "../task/telemetry.ts";
import { openTelemetry } from "./open-telemetry.ts";

const broker = { system: "redis", address: "cache", port: 6379 };
const send: SendFacts = { broker, task: "t", queue: "q", id: "1", root: "0", count: 1 };
const run: RunFacts = {
  broker,
  worker: "w",
  task: "t",
  id: "1",
  root: "0",
  queue: "q",
  attempt: 1,
  headers: {},
};
const telemetry = openTelemetry();

describe("without an SDK", () => {
  test("nothing is written into messages, nothing is named in logs, and results pass through", async () => {
    const sent = await telemetry.sending(send, async (headers) => ({ headers }));
    expect(sent).toEqual({ headers: {} });
    const traced = telemetry.run(run);
    expect(traced).toMatchObject({ place: { headers: {}, broker }, ids: undefined });
    expect(telemetry.handling(traced.place, "t", "1", () => 7)).toBe(7);
    traced.ran();
    traced.end({ kind: "succeeded" });
    telemetry.worker("w", () => ({ size: 1, busy: 0, waiting: 0 }))[Symbol.dispose]();
    await telemetry.flush(new AbortController().signal);
  });
});

describe("with an SDK", () => {
  const exporter = new InMemorySpanExporter();
  let stuck: Promise<void> | undefined;
  const provider = new NodeTracerProvider({
    spanProcessors: [
      new SimpleSpanProcessor(exporter),
      { onStart() {}, onEnd() {}, shutdown: async () => {}, forceFlush: () => stuck ?? Promise.resolve() },
    ],
  });
  beforeAll(() => provider.register());
  afterAll(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });

  test.each([
    ["is no text", { traceparent: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], baggage: { a: 1 } }],
    ["is none", { traceparent: "hello", tracestate: "\u0000", baggage: "=,=" }],
    ["is all zeros", { traceparent: `00-${"0".repeat(32)}-${"0".repeat(16)}-01` }],
    ["hides behind a prototype", Object.create({ traceparent: 1 }) as Record<string, unknown>],
  ])("a run begins a trace of its own where what came %s", (_, headers) => {
    const traced = telemetry.run({ ...run, headers });
    traced.end({ kind: "succeeded" });
    expect(traced.ids?.traceId).toMatch(/^(?!0af7)[0-9a-f]{32}$/);
    expect(exporter.getFinishedSpans().at(-1)?.parentSpanContext).toBeUndefined();
  });

  test("what is active where a message is taken has no part in its run", () => {
    const other = trace.getTracer("other").startSpan("other");
    const traced = context.with(trace.setSpan(context.active(), other), () => telemetry.run(run));
    expect(traced.ids?.traceId).not.toBe(other.spanContext().traceId);
    traced.end({ kind: "succeeded" });
  });

  test("baggage too large for a message is left out, and the trace goes on", async () => {
    const entries = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`k${String(n)}`, { value: "v".repeat(131) }]),
    );
    const within = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(entries));
    const headers = await context.with(within, () => telemetry.sending(send, async (written) => written));
    expect(Object.keys(headers)).toEqual(["traceparent"]);
  });

  test("a handler that answers at once, or throws at once, ends its span in a child", () => {
    const traced = telemetry.run(run);
    // As it comes out of the pipe: an equal one, and not the same.
    const place = structuredClone(traced.place);
    expect(telemetry.handling(place, "t", "1", () => 7)).toBe(7);
    expect(() => telemetry.handling(place, "t", "1", () => fail(new RangeError("no")))).toThrow(RangeError);
    traced.end({ kind: "failed", error: { type: "RangeError", message: "no" } });
    const [well, badly] = exporter.getFinishedSpans().filter(({ name }) => name === "run t");
    expect(well?.status).toEqual({ code: 0 });
    expect(badly).toMatchObject({ status: { code: 2, message: "no" }, attributes: { "error.type": "RangeError" } });
  });

  test("what a handler throws to say something else is no error", async () => {
    const place = structuredClone(telemetry.run(run).place);
    const later = new Error("try again");
    Object.assign(later, { "~decision": "retry" });
    await expect(telemetry.handling(place, "later", "1", () => Promise.reject(later))).rejects.toBe(later);
    expect(exporter.getFinishedSpans().at(-1)).toMatchObject({ name: "run later", status: { code: 0 }, events: [] });
  });

  test("a flush that hangs is waited for no longer than the signal says", async () => {
    stuck = new Promise(() => {});
    const over = new AbortController();
    const flushed = telemetry.flush(over.signal);
    over.abort();
    await flushed;
    await telemetry.flush(AbortSignal.abort());
    stuck = undefined;
  });
});

function fail(error: Error): never {
  throw error;
}
