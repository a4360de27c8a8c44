/** Tasks that are traced: spans of their own, children, failures, deaths. */

import "./sdk.ts";
import { propagation, trace, context } from "@opentelemetry/api";
import { chord, createApp, group, type TaskContext } from "../../../src/index.ts";
import { openTelemetry } from "../../../src/opentelemetry/index.ts";

const telemetry = openTelemetry();
export const app = createApp({
  name: "tracing",
  broker: process.env["TRACE_BROKER"] ?? "memory:tracing",
  telemetry,
});
/** Hands over what was recorded in this process. */
export const flush = (): Promise<void> => telemetry.flush(new AbortController().signal);
const tracer = trace.getTracer("a user's own");

export const leaf = app.task("leaf", (n: number) => n + 1);

/** A span of its own, and a child task inside of it. */
export const branch = app.task("branch", (n: number) =>
  tracer.startActiveSpan("inner", async (span) => {
    const sent = await leaf.delay(n);
    span.end();
    return sent.id;
  }),
);

/** Marks whatever span is active, and tells what came with the message. */
export const look = app.task("look", (_: unknown, ctx: TaskContext) => {
  trace.getActiveSpan()?.setAttribute("mark", ctx.id);
  ctx.log.info("looking");
  const headers = ctx.headers as Readonly<Record<string, string>>;
  return {
    traceparent: headers["traceparent"] ?? null,
    baggage: propagation.getBaggage(context.active())?.getEntry("tenant")?.value ?? null,
  };
});

export const flaky = app.task("flaky", { retry: { limit: 3, delay: 0 } }, (_: number, ctx: TaskContext) => {
  if (ctx.attempt < 3) throw new RangeError(`try ${String(ctx.attempt)}`);
  return ctx.attempt;
});

export const dying = app.task("dying", { onCrash: "fail" }, () => process.kill(process.pid, "SIGKILL"));

export const again = app.task("again", (n: number, ctx: TaskContext) => ctx.replace(leaf.si(n)));
export const sum = app.task("sum", (all: readonly number[]) => all.reduce((total, each) => total + each, 0));
export const split = app.task("split", (n: number, ctx: TaskContext) =>
  ctx.replace(chord(group(leaf.si(n), leaf.si(n)), sum.s())),
);
export const grow = app.task("grow", async (n: number, ctx: TaskContext) => {
  await ctx.addToChord(leaf.si(n));
  return n;
});
