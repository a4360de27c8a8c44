/** Scripts that talk to Flower, metrics that its boards show, probes, and the API's own document. */

import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contractSchemas, schemaFile } from "../../../scripts/contract-schema.ts";
import { hashPassword } from "../access/password.ts";
import type { TaskPage, WorkerList } from "../contract.ts";
import { type Asked, Stage } from "../fixtures/stage.ts";
import { routes } from "../http/routes.ts";
import { EventMetrics } from "../metrics/event-metrics.ts";
import { Metric } from "../metrics/registry.ts";
import { ClusterState } from "../../event/cluster-state.ts";

let stage: Stage;
let ok: string;
let failed: string;

beforeAll(async () => {
  stage = new Stage();
  const add = stage.app.task("add", (input: { x: number; y: number }) => input.x + input.y);
  const fail = stage.app.task("fail", (_input: { why: string }) => {
    throw new Error("no luck");
  });
  await stage.page.start();
  await stage.work({ concurrency: 2 });
  await stage.until<WorkerList>("/api/workers", ({ items }) => items.some((row) => row.online));
  ok = (await add.delay({ x: 1, y: 2 })).id;
  failed = (await fail.delay({ why: "test" })).id;
  await stage.until<TaskPage>("/api/tasks?state=succeeded,failed", ({ items }) => items.length === 2);
  stage.accept = "*/*"; // as curl and requests have it
});
afterAll(() => stage[Symbol.asyncDispose]());

/** As curl or requests ask: no origin, no token. */
const post = async (path: string, init: Asked = {}): Promise<readonly [number, unknown]> => {
  const response = await stage.ask(path, { ...init, method: "POST" });
  return [response.status, await response.json()];
};
const form = (fields: Record<string, string>): Asked => ({
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
});

describe("Flower's API", () => {
  test("workers, with all that they say of themselves", async () => {
    const all = await stage.get<Record<string, Record<string, unknown>>>("/api/workers?refresh=1");
    const worker = all["w1@here"] ?? {};
    expect(Object.keys(worker).toSorted()).toEqual([
      "active",
      "active_queues",
      "conf",
      "registered",
      "reserved",
      "revoked",
      "scheduled",
      "stats",
      "timestamp",
    ]);
    expect(worker["registered"]).toEqual(["add", "fail"]);
    expect(await stage.get("/api/workers?status=true")).toEqual({ "w1@here": true });
    expect((await stage.ask("/api/workers?workername=nobody")).status).toBe(404);
    expect(await stage.get<object>("/flower/api/workers", { headers: { accept: "application/json" } })).toHaveProperty(
      "w1@here",
    );
  });

  test("tasks, one task, its result, types and queues", async () => {
    const tasks = await stage.get<Record<string, object>>("/api/tasks?limit=10&sort_by=-received");
    expect(tasks[ok]).toMatchObject({ uuid: ok, name: "add", state: "SUCCESS", result: "3", worker: "w1@here" });
    expect(Object.keys(await stage.get<object>("/api/tasks?state=FAILURE"))).toEqual([failed]);
    expect(Object.keys(await stage.get<object>("/api/tasks?taskname=add&limit=1"))).toEqual([ok]);
    expect(Object.keys(await stage.get<object>("/api/tasks?limit=1&offset=1"))).toHaveLength(1);
    const info = await stage.get<{ received: number; runtime: number }>(`/api/task/info/${ok}`);
    expect(info.received).toBeGreaterThan(1e9);
    expect(info.received).toBeLessThan(1e11);
    expect(info.runtime).toBeGreaterThanOrEqual(0);
    expect((await stage.ask("/api/task/info/nobody")).status).toBe(404);
    expect(await stage.get(`/api/task/result/${ok}?timeout=2`)).toEqual({ "task-id": ok, state: "SUCCESS", result: 3 });
    expect(await stage.get(`/api/task/result/${failed}`)).toMatchObject({
      state: "FAILURE",
      result: expect.stringContaining("no luck"),
      traceback: expect.stringContaining("no luck"),
    });
    expect(await stage.get("/api/task/types")).toEqual({ "task-types": expect.arrayContaining(["add", "fail"]) });
    expect(await stage.get("/api/queues/length")).toEqual({ active_queues: expect.any(Array) });
  });

  test("sends tasks", async () => {
    const body = JSON.stringify({ args: [], kwargs: { x: 20, y: 1 } });
    expect(await post("/api/task/apply/add", { body })).toMatchObject([200, { state: "SUCCESS", result: 21 }]);
    const [, sent] = await post("/api/task/async-apply/add", { body });
    const { "task-id": id } = sent as { readonly "task-id": string };
    expect(await stage.get(`/api/task/result/${id}?timeout=5`)).toMatchObject({ result: 21 });
    expect(await post("/api/task/send-task/elsewhere.known", { body: '{"queue": "other"}' })).toMatchObject([
      200,
      { state: "PENDING" },
    ]);
    expect(await stage.get("/api/queues/length")).toMatchObject({
      active_queues: expect.arrayContaining([{ name: "other", messages: 1 }]),
    });
    expect(await post("/api/task/async-apply/unheard.of")).toMatchObject([404, { text: "Unknown task 'unheard.of'" }]);
    expect(await post("/api/task/async-apply/add", { body: '{"args": 1}' })).toMatchObject([
      400,
      { text: "args must be an array" },
    ]);
    expect(await post("/api/task/async-apply/add", { body: '{"magic": 1}' })).toMatchObject([400, { field: "magic" }]);
  });

  test("commands workers and limits tasks", async () => {
    const worker = "w1%40here";
    expect(await post(`/api/worker/pool/grow/${worker}?n=2`)).toEqual([
      200,
      { message: "Growing 'w1@here' worker's pool by 2" },
    ]);
    expect(await post(`/api/worker/pool/shrink/${worker}`, form({ n: "2" }))).toEqual([
      200,
      { message: "Shrinking 'w1@here' worker's pool by 2" },
    ]);
    const [status, text] = await post(`/api/worker/pool/autoscale/${worker}?min=1&max=4`);
    expect([status, (text as { text: string }).text]).toEqual([
      403,
      expect.stringMatching(/^Failed to autoscale 'w1@here' worker: /),
    ]);
    expect(await post(`/api/worker/queue/add-consumer/${worker}?queue=more`)).toEqual([
      200,
      { message: "add consumer more" },
    ]);
    expect(await post(`/api/worker/queue/cancel-consumer/${worker}?queue=more`)).toEqual([
      200,
      { message: "no longer consuming from more" },
    ]);
    expect(await post("/api/worker/pool/grow/nobody")).toMatchObject([404, { text: "Unknown worker 'nobody'" }]);
    expect(await post("/api/task/rate-limit/add?ratelimit=200/m&workername=w1@here")).toEqual([
      200,
      { message: "new rate limit set successfully" },
    ]);
    expect(await post("/api/task/timeout/add?soft=5&hard=10")).toEqual([
      200,
      { message: "time limits set successfully" },
    ]);
    expect(await post("/api/task/revoke/some-id?terminate=true&signal=SIGKILL")).toEqual([
      200,
      { message: "Revoked 'some-id'" },
    ]);
    expect(await post("/api/task/abort/other-id")).toEqual([200, { message: "Aborted 'other-id'" }]);
    expect((await post(`/api/worker/pool/grow/${worker}?n=many`))[0]).toBe(400);
  });

  test("a browser needs the token here too", async () => {
    const path = "/api/worker/pool/grow/w1%40here";
    expect((await post(path, { headers: { origin: "http://localhost:5555" } }))[0]).toBe(403);
    expect((await post(path, { headers: { origin: "https://evil.example" } }))[0]).toBe(403);
    expect((await post(path, { headers: { cookie: "a=b" } }))[0]).toBe(403);
    const csrf = await stage.csrf();
    expect((await post(path, { headers: { origin: "http://localhost:5555", "x-csrf-token": csrf } }))[0]).toBe(200);
  });
});

describe("metrics", () => {
  test("of Flower, of celery-exporter, and ours, and nothing of any argument", async () => {
    const text = await (await stage.ask("/metrics")).text();
    for (const line of [
      'flower_events_total{worker="w1@here",type="task-succeeded",task="add"} ',
      'flower_task_runtime_seconds_bucket{worker="w1@here",task="add",le="0.005"} ',
      'flower_task_prefetch_time_seconds{worker="w1@here",task="add"} 0',
      'flower_worker_prefetched_tasks{worker="w1@here",task="add"} 0',
      'flower_worker_online{worker="w1@here"} 1',
      'flower_worker_number_of_currently_executing_tasks{worker="w1@here"} 0',
      'celery_task_succeeded_total{name="add",hostname="w1@here",queue_name="celery"} ',
      'celery_task_failed_total{name="fail",hostname="w1@here",queue_name="celery",exception="Error"} 1',
      'celery_worker_up{hostname="w1@here"} 1',
      'celery_queue_length{queue_name="celery"} 0',
      'celeriac_queue_ready{queue="celery"} 0',
      "celeriac_history_recording 1",
    ]) {
      expect(text).toContain(line);
    }
    expect(text).not.toContain("no luck");
    expect(text.split("\n").filter((line) => !/^(?:#.*|[a-z_]+(?:\{.*\})? [-+\d.e]+|)$/.test(line))).toEqual([]);
  });

  test("are bounded, and names are told as they are", () => {
    const metric = new Metric("counter", "m", "help", ["a"]);
    for (let n = 0; n < 6_000; n++) metric.add({ a: String(n) });
    const lines = metric.text().trim().split("\n").slice(2);
    expect(lines).toHaveLength(5_001);
    expect(lines.at(-1)).toBe('m{a="(other)"} 1000');
    const strange = new Metric("counter", "m", "help", ["a"]);
    strange.add({ a: 'x"y\\z\n} 1\nevil 2' });
    expect(strange.text().trim().split("\n")).toHaveLength(3);
  });

  test("what is told twice, late or without its beginning leaves no task behind", () => {
    const figures = new EventMetrics();
    const event = (type: string, uuid: string, more: object = {}) => ({
      type,
      uuid,
      timestamp: 100,
      hostname: "w@h",
      utcoffset: 0,
      pid: 1,
      clock: 1,
      ...more,
    });
    figures.take([event("task-received", "1", { name: "add" }), event("task-received", "1", { name: "add" })], 0);
    figures.take(
      [
        event("task-started", "1"),
        event("task-succeeded", "1", { runtime: 0.02 }),
        event("task-succeeded", "2", { runtime: 1 }),
      ],
      3,
    );
    const text = figures.text(new ClusterState(), 0);
    expect(text).toContain('flower_worker_prefetched_tasks{worker="w@h",task="add"} 0');
    expect(text).toContain('flower_task_runtime_seconds_bucket{worker="w@h",task="add",le="0.01"} 0');
    expect(text).toContain('flower_task_runtime_seconds_bucket{worker="w@h",task="add",le="0.025"} 1');
    expect(text).toContain("celeriac_events_missed_total 3");
  });

  test("need a login where there is one, unless they are said to be open; probes never do", async () => {
    const login = { users: [{ name: "u", role: "view" as const, password: await hashPassword("word", 10) }] };
    await using closed = new Stage(undefined, { login });
    expect((await closed.ask("/metrics")).status).toBe(401);
    await using open = new Stage(undefined, { login, openMetrics: true });
    expect((await open.ask("/metrics")).status).toBe(200);
    expect((await open.ask("/api/session")).status).toBe(401);
    for (const path of ["/healthz", "/readyz", "/healthcheck"]) expect((await closed.ask(path)).status).toBe(200);
    expect(await closed.get("/readyz")).toEqual({ ready: true, broker: true, history: true });
  });
});

test("the document lists every route, and no other", async () => {
  const document = await stage.get<{ openapi: string; paths: Record<string, Record<string, { responses: object }>> }>(
    "/api/openapi.json",
  );
  expect(document.openapi).toBe("3.1.0");
  const told = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  const there = routes.map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(told.toSorted()).toEqual([...new Set(there)].toSorted());
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/(\w+)"/g)];
  const { components } = document as unknown as { components: Record<string, Record<string, object>> };
  for (const [, kind = "", name = ""] of references) expect(components[kind]?.[name], name).toBeDefined();
  expect(references.length).toBeGreaterThan(100);
});

test("the Grafana dashboard asks for figures that there are", async () => {
  const text = await readFile(new URL("../../../deploy/grafana-celeriac.json", import.meta.url), "utf8");
  const { panels } = JSON.parse(text) as {
    readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  };
  const metrics = new Set(
    panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => expr.match(/\b(?:flower|celery|celeriac)_\w+/g) ?? []),
    ),
  );
  const page = await (await stage.ask("/metrics")).text();
  const files = ["event-metrics.ts", "page.ts"].map((name) => new URL(`../metrics/${name}`, import.meta.url));
  const code = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("");
  for (const name of metrics) {
    const plain = name.replace(/_(?:bucket|sum|count)$/, "");
    // Some are there once something of their kind has happened.
    const known =
      page.includes(`# TYPE ${plain} `) ||
      code.includes(`"${plain}"`) ||
      /^celery_task_(?:retried|revoked)_total$/.test(plain);
    expect(known, name).toBe(true);
  }
  expect(metrics.size).toBeGreaterThan(8);
});

test("its schemas are those of the types: node scripts/contract-schema.ts", async () => {
  const written = JSON.parse(await readFile(schemaFile, "utf8")) as Record<string, object>;
  expect(written).toEqual(contractSchemas());
  expect(written["Role"]).toMatchObject({ enum: ["view", "operate", "admin"] });
  expect(written["ActionKind"]).toMatchObject({ enum: expect.arrayContaining(["task.retry", "dead.drop"]) });
  expect(written["QueueList"]).toMatchObject({
    allOf: [
      { $ref: "#/components/schemas/Answered" },
      { properties: { items: { type: "array" } }, required: ["items"] },
    ],
  });
});
