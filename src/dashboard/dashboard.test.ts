/** Every page of the API on a real broker, with a worker that runs tasks. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { App } from "../index.ts";
import type {
  AuditPage,
  DeadLetterPage,
  LogPage,
  MessagePage,
  Names,
  Overview,
  QueueList,
  RawMessage,
  Series,
  Session,
  TaskCounts,
  TaskDetail,
  TaskPage,
  WhyNot,
  WorkerDetail,
  WorkerList,
  WorkflowPage,
} from "./contract.ts";
import { Stage } from "./fixtures/stage.ts";

let stage: Stage;
let ok: string;
let failed: string;

function declare(app: App) {
  const add = app.task("add", (input: { x: number; y: number }) => input.x + input.y);
  const fail = app.task("fail", (_input: { why: string }, ctx) => {
    ctx.log.info("about to fail");
    throw new Error("no luck");
  });
  const later = app.task("later", { queue: "slow" }, (_input: { n: number }) => 1);
  return { add, fail, later };
}

beforeAll(async () => {
  stage = new Stage();
  const { add, fail, later } = declare(stage.app);
  await stage.page.start();
  await stage.work();
  await stage.until<WorkerList>("/api/workers", ({ items }) => items.some(({ online }) => online));
  ok = (await add.delay({ x: 1, y: 2 })).id;
  failed = (await fail.delay({ why: "test" })).id;
  await later.delay({ n: 1 });
  await stage.until<TaskPage>("/api/tasks?state=succeeded,failed", ({ items }) => items.length >= 2);
});
afterAll(() => stage[Symbol.asyncDispose]());

test("the session says that nobody has to log in here, and what can be done", async () => {
  const session = await stage.get<Session>("/api/session");
  expect(session.user).toBeNull();
  expect(session.may).toContain("worker.shutdown");
  expect(session.may).toContain("task.requeue");
  expect(session.broker).toMatchObject({ kind: "memory", connected: true });
  expect(session.history.recording).toBe(true);
});

test("tasks, their counts, one of them", async () => {
  const { items } = await stage.get<TaskPage>("/api/tasks?state=failed");
  expect(items.map(({ id }) => id)).toEqual([failed]);
  const counts = await stage.get<TaskCounts>("/api/tasks/counts");
  expect(counts.states).toMatchObject({ succeeded: 1, failed: 1 });
  const detail = await stage.get<TaskDetail>(`/api/tasks/${failed}`);
  expect(detail.error?.causes[0]?.message).toContain("no luck");
  expect(detail.actions).toEqual(["retry", "edit-and-run"]);
  expect((await stage.get<TaskDetail>(`/api/tasks/${ok}`)).result).toBe("3");
  const log = await stage.get<LogPage>(`/api/tasks/${failed}/log`);
  expect(log.items.map(({ text }) => text)).toEqual(expect.arrayContaining([expect.stringContaining("about to fail")]));
});

test("whoever goes before the answer is no failure that anybody is warned of", async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);
  process.on("warning", hear);
  const gone = new AbortController();
  const url = "http://localhost/api/tasks/nobody/why";
  const asked = stage.page(new Request(url, { signal: gone.signal }), { address: "127.0.0.1" });
  gone.abort(new Error("the client has gone"));
  expect(await (await asked).json()).toMatchObject({ code: "BUSY" });
  await new Promise((resolve) => setImmediate(resolve)); // warnings are told in the next turn
  process.off("warning", hear);
  expect(warnings).toEqual([]);
});

test("why a task is not running, and its message as it lies there", async () => {
  const messages = await stage.get<MessagePage>("/api/queues/slow/messages");
  expect(messages.items).toMatchObject([{ task: "later", args: '{"n":1}' }]);
  const id = messages.items[0]?.id ?? "";
  const why = await stage.get<WhyNot>(`/api/tasks/${id}/why`);
  expect(why.reasons[0]).toMatchObject({ kind: "no-worker", queue: "slow" });
  const raw = await stage.get<RawMessage>(`/api/tasks/${id}/message?queue=slow`);
  expect(raw).toMatchObject({ where: "ready", queue: "slow", encoding: "utf-8", body: [[], { n: 1 }] });
  expect(JSON.parse(raw.text)).toHaveProperty("headers.task", "later");
});

test("overview, series, names, workflows", async () => {
  const overview = await stage.get<Overview>("/api/overview");
  expect(overview.outcomes).toMatchObject({ succeeded: 1, failed: 1 });
  expect(overview.failing).toMatchObject([{ task: "fail", count: 1, example: failed }]);
  const series = await stage.get<Series>("/api/series?task=add&points=60");
  expect(series.succeeded.reduce((sum, count) => sum + count, 0)).toBe(1);
  expect((await stage.get<Names>("/api/names")).tasks).toEqual(expect.arrayContaining(["add", "fail", "later"]));
  expect((await stage.get<WorkflowPage>("/api/workflows")).items).toEqual(expect.any(Array));
});

test("the overview says why a queue stands, as of one of its tasks, and nothing of it in the past", async () => {
  const fits = ({ waiting }: Overview): boolean => waiting.some(({ queue, reasons }) => queue === "slow" && reasons);
  const { waiting } = await stage.until<Overview>("/api/overview", fits);
  expect(waiting.find(({ queue }) => queue === "slow")).toMatchObject({
    waiting: 1,
    reason: 'no worker takes from the queue "slow"',
    reasons: [{ kind: "no-worker", count: 1, of: 1, remedy: expect.stringContaining("celeriac worker") }],
  });
  const past = await stage.get<Overview>(`/api/overview?at=${String(Date.now())}`);
  expect(past.waiting.filter(({ reasons }) => reasons !== undefined)).toEqual([]);
});

test("queues as the broker has them", async () => {
  const { items } = await stage.get<QueueList>("/api/queues");
  expect(items.find(({ name }) => name === "slow")).toMatchObject({ ready: 1, paused: false, source: "broker" });
});

test("a worker is asked for what it is made of", async () => {
  const { row } = await stage.get<WorkerDetail>("/api/workers/w1%40here");
  expect(row).toMatchObject({ name: "w1@here", online: true, queues: ["celery"] });
  expect((await stage.ask("/api/workers/nobody")).status).toBe(404);
});

test("dead letters, schedules and the audit log may be empty", async () => {
  expect(await stage.get<DeadLetterPage>("/api/dead")).toEqual({ items: [], groups: [] });
  expect(await stage.get("/api/schedules")).toMatchObject({ items: [], unreadable: [] });
  expect((await stage.get<AuditPage>("/api/audit")).items).toEqual([]);
});

test("numbers are clamped, texts cut, nonsense refused by its name", async () => {
  for (const query of [
    "limit=1e9",
    "limit=-1",
    "limit=0.5",
    "from=-5&until=1e99",
    `text=${"(a%2B)%2B$".repeat(200)}`,
  ]) {
    expect((await stage.ask(`/api/tasks?${query}`)).status).toBe(200);
  }
  expect((await stage.ask("/api/series?from=0&until=9e15&points=1e9")).status).toBe(200);
  for (const [query, field] of [
    ["limit=many", "limit"],
    ["state=happy", "state"],
    [`after=${"x".repeat(3000)}`, "after"],
    ["queue=q&".repeat(60), "queue"],
  ]) {
    const response = await stage.ask(`/api/tasks?${query ?? ""}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "BAD_REQUEST", field });
  }
  for (const text of ["%25_%25", "%00", "'; DROP TABLE task; --", "\\"]) {
    const { items } = await stage.get<TaskPage>(`/api/tasks?text=${encodeURIComponent(text)}`);
    expect(items).toEqual([]);
  }
});

test("paths are told apart by their segments, however they are written", async () => {
  expect((await stage.ask("/api/nothing")).status).toBe(404);
  expect((await stage.ask("//api/session")).status).not.toBe(401);
  expect((await stage.ask("/api/tasks/%2e%2e/session")).status).toBe(200); // the URL itself says /api/session
  expect((await stage.ask("/api/tasks/%ff")).status).toBe(400);
  expect((await stage.ask("/api/tasks/..%2f..%2fsession")).status).toBe(404);
  expect((await stage.ask("/api/session", { method: "DELETE" })).status).toBe(405);
});

test("a prefix is taken off, and stands in the page", async () => {
  await using mounted = new Stage(undefined, { prefix: "/ops/tasks" });
  expect((await mounted.ask("/ops/tasks/api/session")).status).toBe(200);
  expect((await mounted.ask("/ops/tasks/api/session/")).status).toBe(200);
  expect((await mounted.ask("/api/session")).status).toBe(404);
  // Next takes the slash away, and would get a redirect to the one with it for ever.
  const bare = await mounted.ask("/ops/tasks?x=1", { headers: { accept: "text/html" } });
  expect([bare.status, (await bare.text()).includes('content="/ops/tasks"')]).toEqual([200, true]);
  const page = await mounted.ask("/ops/tasks/queues/mail", { headers: { accept: "text/html" } });
  expect(await page.text()).toContain('content="/ops/tasks"');
  expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(page.headers.get("content-security-policy")).not.toContain("unsafe");
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
});

test("a worker's page tells its limits of time, beside the rates", async () => {
  const worker = "w1@here";
  await stage.act({ do: "limit.rate", task: "later", rate: "10/m", worker });
  await stage.act({ do: "limit.time", task: "later", soft: 5, hard: 10, worker });
  const { limits } = await stage.get<WorkerDetail>("/api/workers/w1%40here");
  expect(limits).toEqual([{ task: "later", rate: "10/m", soft: 5, hard: 10 }]);
});
