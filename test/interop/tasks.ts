/** What the TypeScript workers of the suite can run, the counterpart of `python/tasks.py`. */

import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { type App, Decimal, PlainDate, PlainTime, RemoteError, type TaskContext, Uuid } from "../../src/index.ts";
import { declareCanvas } from "./canvas-tasks.ts";
import { gatePatience, opened } from "./gate.ts";

/** What a run sees of itself. */
function facts(context: TaskContext): Record<string, unknown> {
  const { id, task, queue, attempt, fence, lineage, headers, request } = context;
  const { redelivered } = request;
  const rest = { lineage: { ...lineage }, headers: { ...headers }, request: { ...request }, now: Date.now() };
  return { id, task, queue, attempt, fence, redelivered, ...rest };
}

function note(path: string, text: string): void {
  appendFileSync(path, `${text}\n`);
}

const values: Readonly<Record<string, () => unknown>> = {
  datetime: () => new Date("2030-01-02T03:04:05.678Z"),
  date: () => new PlainDate("2030-01-02"),
  time: () => new PlainTime("03:04:05.678901"),
  decimal: () => new Decimal("1.10"),
  uuid: () => new Uuid("12345678-1234-5678-1234-567812345678"),
  bytes: () => new Uint8Array([255, 0]),
  bigint: () => 2n ** 70n,
  text: () => "héllo 🌍 \u0000",
  nested: () => ({ a: [1, 2.5, null, true, { b: [] }] }),
};

/** Class and text of a value, so that a test sees what arrived. */
function kind(value: unknown): string {
  if (typeof value === "bigint") return `bigint ${String(value)}`;
  if (value instanceof Date) return `Date ${value.toISOString()}`;
  if (value instanceof Uint8Array) return `Uint8Array ${Buffer.from(value).toString("hex")}`;
  if (value instanceof PlainDate || value instanceof PlainTime || value instanceof Decimal || value instanceof Uuid)
    return `${value.constructor.name} ${value.text}`;
  return inspect(value, { depth: 9, breakLength: Number.POSITIVE_INFINITY });
}

/** Every task is declared on each app that is to run it. */
export function declareTasks(app: App): void {
  app.task("ts.echo", { raw: true }, ({ args, kwargs }) => ({ args: [...args], kwargs }) as unknown);
  app.task("ts.add", { positional: ["x", "y?"] }, ({ x, y = 10 }: { x: number; y?: number }) => x + y);
  app.task("ts.kinds", { raw: true }, ({ args }) => args.map(kind));
  app.task("ts.make", { positional: ["name"] }, ({ name }: { name: string }): unknown => values[name]?.());
  app.task("ts.fail", { raw: true }, ({ args: [type, ...rest] }): unknown => {
    if (type === "Error") throw new Error(String(rest[0]));
    if (type === "TypeError") throw new TypeError(String(rest[0]));
    throw new RemoteError(String(type), rest);
  });
  app.task("ts.facts", { raw: true }, (_, context): unknown => facts(context));
  app.task("ts.retry", { positional: ["times", "seconds?"] }, retry);
  app.task("ts.exhaust", (_, context) =>
    context.retry({ delay: 0, limit: 1, error: new RemoteError("ValueError", ["A-17", 3]) }),
  );
  app.task("ts.progress", { positional: ["gate"] }, async ({ gate }: { gate: string }, context: TaskContext) => {
    context.progress(1, 3, "one");
    await opened(gate, context.signal);
    return "done";
  });
  app.task("ts.state", { positional: ["gate"] }, async ({ gate }: { gate: string }, context: TaskContext) => {
    await context.state("COOKING", { pots: 2 });
    await opened(gate, context.signal);
    return "done";
  });
  app.task(
    "ts.started",
    { positional: ["gate"], trackStarted: true },
    async ({ gate }: { gate: string }, context: TaskContext) => {
      await opened(gate, context.signal);
      return "done";
    },
  );
  app.task("ts.soft", async (_, context) => {
    await sleep(gatePatience, undefined, { signal: context.signal }).catch(() => undefined);
    return (context.signal.reason as { code?: string }).code;
  });
  app.task("ts.sleep", { positional: ["seconds"] }, async ({ seconds }: { seconds: number }, context: TaskContext) => {
    await sleep(seconds * 1000, undefined, { signal: context.signal });
    return seconds;
  });
  app.task("ts.note", { positional: ["path", "text"] }, ({ path, text }: { path: string; text: string }) => {
    note(path, text);
    return text;
  });
  app.task("ts.reject", (_, context) => context.reject({ reason: "no thanks" }));
  const told = app.remote<() => unknown>("py.facts", { queue: "py" });
  app.task("ts.child", async () => (await told.delay()).id);
  declareShared(app);
  declareCanvas(app);
}

function retry({ times, seconds = 0 }: { times: number; seconds?: number }, context: TaskContext): unknown {
  if (context.attempt <= times)
    context.retry({ delay: seconds * 1000, error: new RemoteError("ValueError", ["not yet"]) });
  return facts(context);
}

/** What both sides can run, for queues that both serve. Each run writes down who did it. */
function declareShared(app: App): void {
  type Shared = { path: string; text?: string; seconds?: number };
  app.task("both.note", { positional: ["path", "text?", "seconds?"] }, async (input: Shared, context: TaskContext) => {
    const { path, text = "", seconds = 0 } = input;
    note(path, JSON.stringify({ by: "typescript", text, ...facts(context) }));
    await sleep(seconds * 1000, undefined, { signal: context.signal });
    return "typescript";
  });
  app.task(
    "both.hold",
    { positional: ["path", "gate"] },
    async (input: { path: string; gate: string }, context: TaskContext) => {
      note(input.path, JSON.stringify({ by: "typescript", ...facts(context) }));
      await opened(input.gate, context.signal);
      return "typescript";
    },
  );
  app.task("both.stored", { positional: ["path"] }, ({ path }: { path: string }, context: TaskContext) => {
    note(path, JSON.stringify({ by: "typescript", ...facts(context) }));
    return "typescript";
  });
}
