/** One trace from whoever sends to the last task, with OpenTelemetry's own SDK in the worker and in the children of each pool. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { afterAll, describe, expect, it } from "vitest";
import { DatabaseSync } from "node:sqlite";
import { chain, chord, createApp, group, type WorkerEvent, type WorkOptions } from "../../src/index.ts";
import { otherWays } from "./other-ways.ts";
import type { KeptSpan } from "./tracing/sdk.ts";

const folder = mkdtempSync(join(tmpdir(), "celeriac-tracing-"));
const file = join(folder, "spans.jsonl");
process.env["TRACE_FILE"] = file;
process.env["TRACE_BROKER"] = `sqlite:${join(folder, "queue.db")}`;
const { again, app, branch, dying, flaky, flush, grow, leaf, look, split, sum } = await import("./tracing/app.ts");
const { measured } = await import("./tracing/sdk.ts");

const soon = { timeout: "60s" } as const;
const tracer = trace.getTracer("a web app");

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Traced {
  readonly spans: readonly KeptSpan[];
  /** The only one of this name. */
  one(name: string): KeptSpan;
  all(name: string): readonly KeptSpan[];
}

/** Of all traces. */
function kept(): readonly KeptSpan[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as KeptSpan);
}

/** Sends as a request of a web app does, to a worker; gives the spans of its trace once the worker and its children have ended. */
async function traced(options: WorkOptions, send: () => Promise<unknown>): Promise<Traced> {
  const request = tracer.startSpan("request");
  {
    await using _worker = await app.work({ processes: 1, concurrency: 4, env: ["TRACE_FILE"], ...options });
    await context.with(trace.setSpan(context.active(), request), send);
    request.end();
  }
  await flush();
  const spans = kept().filter((span) => span.trace === request.spanContext().traceId);
  const all = (name: string): readonly KeptSpan[] => spans.filter((span) => span.name === name);
  const one = (name: string): KeptSpan => {
    const [found, ...others] = all(name);
    if (found === undefined || others.length > 0) throw new Error(`${name}: ${JSON.stringify(spans, null, 1)}`);
    return found;
  };
  return { spans, all, one };
}

describe.each(["inline", "thread", "process"] as const)("in the %s pool", (pool) => {
  /** The span that is active in a handler. */
  const handler = (spans: Traced, task: string): KeptSpan =>
    spans.one(pool === "inline" ? `process ${task}` : `run ${task}`);

  it("sender, handler, its own spans, its child task and the next step are one trace", async () => {
    const spans = await traced({ pool }, async () => {
      const sent = await app.delay(chain(branch.si(1), look.s()));
      await sent.get(soon);
      const [child] = (await sent.parent?.children()) ?? [];
      await child?.get(soon);
    });
    expect(spans.one("send celery.chain")).toMatchObject({ kind: SpanKind.PRODUCER, parent: spans.one("request").id });
    const step = spans.one("process branch");
    expect(step).toMatchObject({
      kind: SpanKind.CONSUMER,
      parent: spans.one("send celery.chain").id,
      pid: process.pid,
    });
    expect(handler(spans, "branch").parent).toBe(pool === "inline" ? spans.one("send celery.chain").id : step.id);
    expect(spans.one("inner").parent).toBe(handler(spans, "branch").id);
    expect(spans.one("send leaf")).toMatchObject({ kind: SpanKind.PRODUCER, parent: spans.one("inner").id });
    expect(spans.one("process leaf").parent).toBe(spans.one("send leaf").id);
    expect(spans.one("process look").parent).toBe(step.id);
    expect(handler(spans, "look").attributes["mark"]).toBe(
      spans.one("process look").attributes["messaging.message.id"],
    );
    expect(spans.one("inner").pid === process.pid).toBe(pool !== "process");
  });

  it("spans say by the conventions what was sent and run, also those that a child makes", async () => {
    let id = "";
    let child = "";
    const spans = await traced({ pool, name: `w@${pool}` }, async () => {
      const sent = await branch.delay(1);
      ({ id } = sent);
      child = await sent.get(soon);
      await app.result(child).get(soon);
    });
    const system = { "messaging.system": "sqlite", "messaging.system.name": "sqlite" };
    const place = { ...system, "messaging.destination.name": "celery", "messaging.message.conversation_id": id };
    const send = { ...place, "messaging.operation.type": "send", "messaging.operation.name": "send" };
    expect(spans.one("send branch").attributes).toEqual({
      ...send,
      "messaging.message.id": id,
      "celery.task_name": "branch",
    });
    expect(spans.one("send leaf").attributes).toEqual({
      ...send,
      "messaging.message.id": child,
      "celery.task_name": "leaf",
    });
    expect(spans.one("process leaf").attributes).toEqual({
      ...place,
      "messaging.operation.type": "process",
      "messaging.operation.name": "process",
      "messaging.message.id": child,
      "messaging.client.id": `w@${pool}`,
      "celery.task_name": "leaf",
      "celeriac.attempt": 1,
      "celeriac.end": "succeeded",
    });
  });

  it("the tries of a task stand side by side, each with its error", async () => {
    const spans = await traced({ pool }, async () => (await flaky.delay(1)).get(soon));
    const tries = spans.all("process flaky");
    const { id } = spans.one("send flaky");
    expect(
      tries.map(({ parent, attributes }) => [parent, attributes["celeriac.attempt"], attributes["celeriac.end"]]),
    ).toEqual([
      [id, 1, "retried"],
      [id, 2, "retried"],
      [id, 3, "succeeded"],
    ]);
    expect(tries[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: expect.stringContaining("try 1") as string },
      attributes: { "error.type": "RangeError" },
      events: [{ name: "exception", attributes: { "exception.type": "RangeError" } }],
    });
    expect(tries[2]).toMatchObject({ status: { code: SpanStatusCode.UNSET }, events: [] });
  });

  it("a chord's body, and what takes a task's place, belong to the trace", async () => {
    const spans = await traced({ pool }, async () => {
      await (await app.delay(chord(group(leaf.si(1), leaf.si(2)), sum.s()))).get(soon);
      await (await again.delay(5)).get(soon);
    });
    expect(spans.one("process sum").parent).toBe(spans.one("send celery.chord").id);
    const replaced = spans.all("process leaf").at(-1);
    expect(replaced?.parent).toBe(spans.one("process again").id);
  });

  it("a workflow that takes a task's place, and a member that is added to a chord, are of the run that did it", async () => {
    const spans = await traced({ pool }, async () => {
      await (await split.delay(1)).get(soon);
    });
    const { id } = spans.one("process split");
    expect(spans.all("process leaf").map(({ parent }) => parent)).toEqual([id, id]);
    expect(spans.one("process sum").parent).toBe(id);
    const grown = await traced({ pool }, async () => {
      await (await app.delay(chord(group(grow.si(1)), sum.s()))).get(soon);
    });
    expect(grown.one("process leaf").parent).toBe(grown.one("process grow").id);
  });

  it("baggage comes along, and a handler's log lines name the trace", async () => {
    const events: WorkerEvent[] = [];
    let seen: { readonly traceparent: string | null; readonly baggage: string | null } | undefined;
    const spans = await traced({ pool, onEvent: (event) => events.push(event) }, async () => {
      const baggage = propagation.setBaggage(context.active(), propagation.createBaggage({ tenant: { value: "t1" } }));
      seen = await (await context.with(baggage, () => look.delay(1))).get(soon);
    });
    const { trace: traceId, id } = spans.one("send look");
    expect(seen).toEqual({ traceparent: `00-${traceId}-${id}-01`, baggage: "t1" });
    const line = events.find(({ type }) => type === "task:log");
    expect(line).toMatchObject({ text: "looking", traceId, spanId: spans.one("process look").id });
  });
});

describe("a worker whose child is killed", () => {
  it("ends the run's span with the reason all the same", async () => {
    const spans = await traced({ pool: "process" }, async () => {
      await (await dying.delay()).get(soon).catch(() => {});
    });
    expect(spans.one("process dying")).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { "error.type": "WorkerLostError", "celeriac.end": "dead" },
    });
  });
});

describe("a chord that nobody traced when it was sent", () => {
  it("goes on in the trace of the member that was the last", async () => {
    const untraced = createApp({ broker: process.env["TRACE_BROKER"] ?? "" });
    const [one, all] = [
      untraced.remote<(n: number) => number>("leaf"),
      untraced.remote<(all: number[]) => number>("sum"),
    ];
    const before = existsSync(file) ? kept().length : 0;
    await traced({ pool: "inline" }, async () => {
      const sent = await untraced.delay(chord(group(one.si(1), one.si(2)), all.s()));
      await sent.get(soon);
    });
    await untraced.close();
    const spans = kept().slice(before);
    const members = spans.filter(({ name }) => name === "process leaf");
    const body = spans.find(({ name }) => name === "process sum");
    expect(members.map(({ parent }) => parent)).toEqual([undefined, undefined]);
    expect(members.map(({ id }) => id)).toContain(body?.parent);
  });
});

describe("sends", () => {
  it("of many are one span, whose context they all have", async () => {
    const spans = await traced({ pool: "inline" }, async () => {
      const sent = await leaf.enqueueMany([1, 2, 3]);
      await Promise.all(sent.map((each) => each.get(soon)));
    });
    const { id, attributes } = spans.one("send leaf");
    expect(attributes).toMatchObject({ "messaging.batch.message_count": 3 });
    expect(attributes).not.toHaveProperty("messaging.message.id");
    expect(spans.all("process leaf").map(({ parent }) => parent)).toEqual([id, id, id]);
  });

  it("leave headers alone that the caller has set, and end as errors where they are refused", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const spans = await traced({ pool: "inline" }, async () => {
      const sent = await look.enqueue(1, { headers: { traceparent } });
      expect(await sent.get(soon)).toMatchObject({ traceparent });
      await leaf.enqueue(1, { headers: { large: "x".repeat(30_000) } }).catch(() => {});
    });
    expect(spans.all("process look")).toEqual([]);
    expect(spans.one("send leaf")).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { "error.type": "MESSAGE_TOO_LARGE" },
    });
  });

  it("take no room from the caller's own headers", async () => {
    const baggage = propagation.createBaggage({ all: { value: "b".repeat(4_000) } });
    const spans = await traced({ pool: "inline" }, async () => {
      const within = propagation.setBaggage(context.active(), baggage);
      await context.with(within, async () => {
        await (await leaf.enqueue(1, { headers: { large: "x".repeat(24_000) } })).get(soon);
        await (await app.enqueue(chain(leaf.si(1), leaf.si(2)), { headers: { large: "x".repeat(24_000) } })).get(soon);
      });
    });
    expect(spans.all("process leaf")).toHaveLength(3);
  });
});

describe.each(["a transaction", "an outbox"] as const)("a send through %s", (way) => {
  it("has its span where it is written, and its run is a child of that", async () => {
    let id = "";
    const spans = await traced({ pool: "inline" }, async () => {
      id = await otherWays[way]({ app, folder, call: chain(look.si(1), leaf.si(2)) });
      await app.result(id).get(soon);
    });
    const send = spans.one("send celery.chain");
    expect(send).toMatchObject({ kind: SpanKind.PRODUCER, parent: spans.one("request").id });
    expect(spans.one("process look").parent).toBe(send.id);
    expect(spans.one("process leaf").attributes["messaging.message.id"]).toBe(id);
  });
});

describe("a transaction that takes no call", () => {
  it("leaves an error on the span of the send", async () => {
    const db = new DatabaseSync(join(folder, "queue.db"));
    const queue = await app.within(db);
    const spans = await traced({ pool: "inline" }, async () => {
      expect(() => queue.enqueue(leaf.si(1))).toThrow(expect.objectContaining({ code: "NOT_IN_TRANSACTION" }) as Error);
    });
    db.close();
    expect(spans.one("send leaf")).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { "error.type": "NOT_IN_TRANSACTION" },
    });
  });
});

describe("a tick of a schedule", () => {
  it("begins a trace with a span of its own, whatever was active where the scheduler was started", async () => {
    let id = "";
    const spans = await traced({ pool: "inline" }, async () => {
      id = await otherWays["a schedule"]({ app, folder, call: look.si(1) });
      await app.result(id).get(soon);
    });
    expect(spans.spans.map(({ name }) => name)).toEqual(["request"]);
    const [send, run] = ["send look", "process look"].map((name) =>
      kept().find((span) => span.name === name && span.attributes["messaging.message.id"] === id),
    );
    expect(send).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: { "celeriac.schedule": "soon", "messaging.destination.name": "celery" },
    });
    expect(send?.parent).toBeUndefined();
    expect(run).toMatchObject({ parent: send?.id, trace: send?.trace });
  });
});

describe("figures", () => {
  it("are those of the conventions, and a worker's slots", async () => {
    await traced({ pool: "inline", name: "w@figures" }, async () => {
      await (await flaky.delay(1)).get(soon);
      await flush();
    });
    const found = new Map(
      measured
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .filter(({ scope }) => scope.name === "celeriac")
        .flatMap(({ metrics }) => metrics)
        .map((metric) => [metric.descriptor.name, metric] as const),
    );
    expect([...found.keys()].toSorted()).toEqual([
      "celeriac.worker.slots.busy",
      "celeriac.worker.slots.size",
      "celeriac.worker.tasks.waiting",
      "messaging.client.consumed.messages",
      "messaging.client.operation.duration",
      "messaging.client.sent.messages",
      "messaging.process.duration",
    ]);
    const tries = found
      .get("messaging.process.duration")
      ?.dataPoints.filter(
        ({ attributes }) => attributes["celery.task_name"] === "flaky" && attributes["celeriac.end"] === "retried",
      );
    expect(tries?.map(({ attributes }) => attributes["error.type"])).toEqual(["RangeError"]);
    const sizes = found
      .get("celeriac.worker.slots.size")
      ?.dataPoints.filter(({ attributes }) => attributes["messaging.client.id"] === "w@figures");
    expect(sizes?.map(({ value }) => value)).toEqual([4]);
  });
});
