/** Every action, on a broker: what it does, and what it says where it cannot. */

import { beforeEach, expect, test } from "vitest";
import { every } from "../../src/index.ts";
import type {
  AuditPage,
  DeadLetterPage,
  MessagePage,
  QueueList,
  ScheduleList,
  TaskCounts,
  TaskDetail,
  TaskPage,
  WorkerDetail,
} from "../../src/dashboard/contract.ts";
import { Stage } from "../../src/dashboard/fixtures/stage.ts";

/** What `broker` gives is a place of its own for each test. */
export function describeActions(broker: () => string): void {
  let stage: Stage;
  beforeEach(async () => {
    stage = new Stage(broker());
    await stage.page.start();
    return () => stage[Symbol.asyncDispose]();
  });

  test("task.retry runs what failed once more, with the same id and input", async () => {
    const runs: unknown[] = [];
    const shaky = stage.app.task("shaky", (input: { note: string; list: readonly unknown[] }) => {
      runs.push(input);
      if (runs.length === 1) throw new Error("not yet");
      return "done";
    });
    await stage.work();
    await stage.online();
    const sent = await shaky.delay({ note: 'it\'s "so" \u00e9\n\\', list: [1, -2.5, true, null, { a: [] }] });
    await stage.inState(sent.id, "failed");
    const result = await stage.act({ do: "task.retry", tasks: { ids: [sent.id] } });
    expect(result).toMatchObject({ done: 1, failed: 0, pending: false });
    await stage.inState(sent.id, "succeeded");
    expect(await sent.get({ timeout: "60s" })).toBe("done");
    expect(runs[1]).toEqual(runs[0]);
    const detail = await stage.get<TaskDetail>(`/api/tasks/${sent.id}`);
    expect(detail.row.attempts).toBe(2);
  });

  test("task.retry says why where it cannot: still open, unknown, or too large to be known", async () => {
    const big = stage.app.task("big", (_input: { text: string }) => {
      throw new Error("no");
    });
    const late = await big.enqueue({ text: "" }, { queue: "nowhere" });
    await stage.work();
    await stage.online();
    const large = await big.delay({ text: "x".repeat(5_000) });
    await stage.inState(large.id, "failed");
    const { failures, done, failed } = await stage.act({
      do: "task.retry",
      tasks: { ids: [large.id, "nobody", late.id] },
    });
    expect([done, failed]).toEqual([0, 3]);
    expect(failures).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ subject: large.id, code: "INPUT_UNKNOWN" }),
        expect.objectContaining({ subject: "nobody", code: "NOT_FOUND" }),
      ]),
    );
  });

  test("task.retry of all that fit a filter, and of none where far more fit than were seen", async () => {
    let broken = true;
    const flaky = stage.app.task("flaky", (_input: { n: number }) => {
      if (broken) throw new Error("no");
    });
    const other = stage.app.task("other", () => {
      throw new Error("no");
    });
    await stage.work({ concurrency: 10 });
    await stage.online();
    await Promise.all(Array.from({ length: 120 }, (_, n) => flaky.delay({ n })));
    await other.delay();
    await stage.until<TaskCounts>("/api/tasks/counts", ({ states }) => states.failed === 121);
    const filter = { state: ["failed"], task: ["flaky"] } as const;
    const stale = await stage.post({ do: "task.retry", tasks: { filter, expect: 5 } });
    expect([stale.status, await stale.json()]).toMatchObject([409, { code: "STALE_SELECTION" }]);
    broken = false;
    // Where it takes longer than its answer waits, the answer is that it goes on; the audit has its end.
    const { audit } = await stage.act({ do: "task.retry", tasks: { filter, expect: 120 } });
    await stage.until<AuditPage>("/api/audit", ({ items }) =>
      items.some(({ id, done, failed }) => id === audit && done === 120 && failed === 0),
    );
    await stage.until<TaskCounts>("/api/tasks/counts", ({ states }) => states.succeeded === 120);
    expect((await stage.get<TaskPage>("/api/tasks?state=failed")).items).toMatchObject([{ task: "other" }]);
  });

  test("task.cancel ends what waits and what runs; task.revoke what waits alone", async () => {
    const begun = Promise.withResolvers<void>();
    const wait = stage.app.task("wait", async (_input: { n: number }, ctx) => {
      begun.resolve();
      await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)));
    });
    await stage.work({ concurrency: 1 });
    await stage.online();
    const running = await wait.delay({ n: 1 });
    await begun.promise;
    await stage.inState(running.id, "running");
    const waiting = await wait.delay({ n: 2 });
    const revoked = await stage.act({ do: "task.revoke", tasks: { ids: [waiting.id] } });
    expect(revoked).toMatchObject({ done: 1, failed: 0 });
    const cancelled = await stage.act({ do: "task.cancel", tasks: { ids: [running.id] } });
    expect(cancelled).toMatchObject({ done: 1, failed: 0 });
    await stage.inState(running.id, "revoked");
    await stage.inState(waiting.id, "revoked");
    const again = await stage.act({ do: "task.cancel", tasks: { ids: [running.id] } });
    expect(again).toMatchObject({ done: 0, failures: [{ code: "TASK_ENDED" }] });
  });

  test("what is to run much later and is revoked is shown so at once, whoever revoked it; what runs runs on", async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<string>();
    const long = stage.app.task("long", async (_input: { n: number }) => {
      begun.resolve();
      return end.promise;
    });
    await stage.work({ concurrency: 1 });
    await stage.online();
    const running = await long.delay({ n: 1 });
    await begun.promise;
    await stage.inState(running.id, "running");
    const [here, elsewhere] = [1, 2].map(() => crypto.randomUUID());
    for (const id of [here, elsewhere]) await long.enqueue({ n: 2 }, { id: id ?? "", delay: "1d" });
    await stage.inState(here ?? "", "delayed");
    await stage.inState(elsewhere ?? "", "delayed");
    await stage.act({ do: "task.cancel", tasks: { ids: [here ?? ""] } });
    await stage.app.revoke([elsewhere ?? "", running.id, "nobody heard of it"]);
    await stage.inState(here ?? "", "revoked");
    await stage.inState(elsewhere ?? "", "revoked");
    expect((await stage.get<TaskDetail>(`/api/tasks/${running.id}`)).row.state).toBe("running");
    end.resolve("done");
    await stage.inState(running.id, "succeeded");
    expect((await stage.get<TaskCounts>("/api/tasks/counts")).total).toBe(3);
    expect((await stage.get<TaskDetail>(`/api/tasks/${here ?? ""}`)).attempts.map(({ end }) => end)).toEqual([
      "revoked",
    ]);
  });

  test("task.retry of a revoked one forgets the revoke", async () => {
    const begun = Promise.withResolvers<void>();
    let runs = 0;
    const wait = stage.app.task("wait", async (input: { x: number }, ctx) => {
      if (++runs > 1) return input.x + 1;
      begun.resolve();
      return new Promise<number>((_, reject) =>
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)),
      );
    });
    await stage.work();
    await stage.online();
    const sent = await wait.delay({ x: 1 });
    await begun.promise;
    await stage.act({ do: "task.revoke", tasks: { ids: [sent.id] }, terminate: true });
    await stage.inState(sent.id, "revoked");
    expect(await stage.act({ do: "task.retry", tasks: { ids: [sent.id] } })).toMatchObject({ done: 1, failed: 0 });
    await stage.inState(sent.id, "succeeded");
    expect(await sent.get({ timeout: "60s" })).toBe(2);
  });

  test("task.requeue puts what waits to the front, the end, or into another queue", async () => {
    const add = stage.app.task("add", (_input: { x: number }) => 1);
    const sent = [];
    for (let x = 0; x < 4; x++) sent.push(await add.delay({ x }));
    const [first, second, third, last] = sent.map(({ id }) => id) as [string, string, string, string];
    const later = await add.enqueue({ x: 9 }, { delay: "1h" });
    await stage.inState(later.id, "delayed");
    await stage.inState(last, "queued");
    const idsIn = async (queue: string): Promise<readonly (string | undefined)[]> =>
      (await stage.get<MessagePage>(`/api/queues/${queue}/messages`)).items.map(({ id }) => id);
    const move = (ids: readonly string[], more: { at?: "front" | "back"; queue?: string } = {}) =>
      stage.act({ do: "task.requeue", tasks: { ids }, ...more });
    expect(await move([third, last])).toMatchObject({ done: 2, failed: 0 });
    expect(await move([first], { at: "back" })).toMatchObject({ done: 1, failed: 0 });
    expect(await idsIn("celery")).toEqual([third, last, second, first]);
    expect(await move([second, later.id], { queue: "aside" })).toMatchObject({ done: 2, failed: 0 });
    expect(await idsIn("aside")).toEqual([second]);
    const refused = await move([later.id, "nobody"]);
    expect(refused).toMatchObject({ done: 0, failed: 2 });
    expect(refused.failures).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ subject: later.id, code: "TASK_DELAYED" }),
        expect.objectContaining({ subject: "nobody", code: "NOT_FOUND" }),
      ]),
    );
    const filter = { state: ["queued"], queue: ["celery"] } as const;
    expect(await stage.act({ do: "task.requeue", tasks: { filter, expect: 3 } })).toMatchObject({ failed: 0 });
    const detail = await stage.get<TaskDetail>(`/api/tasks/${last}`);
    expect(detail.actions).toContain("requeue");
    const audit = await stage.get<AuditPage>("/api/audit");
    expect(audit.items.at(-1)).toMatchObject({ do: "task.requeue", done: 2, failed: 0 });
  });

  test("task.requeue takes what runs from its worker, and its run there counts no more", async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    let runs = 0;
    const slow = stage.app.task("slow", async () => {
      if (++runs > 1) return "second";
      begun.resolve();
      await end.promise;
      return "first";
    });
    const former = await stage.work();
    await stage.online();
    const sent = await slow.delay();
    await begun.promise;
    await stage.inState(sent.id, "running");
    await stage.act({ do: "worker.cancel-consumer", worker: "w1@here", queue: "celery" });
    expect(await stage.act({ do: "task.requeue", tasks: { ids: [sent.id] } })).toMatchObject({ done: 1, failed: 0 });
    await stage.work({ name: "w2@here" });
    expect(await sent.get({ timeout: "60s" })).toBe("second");
    end.resolve();
    await former.stop();
    expect(await stage.app.result(sent.id).get({ timeout: "60s" })).toBe("second");
    await stage.inState(sent.id, "succeeded");
    const again = await stage.act({ do: "task.requeue", tasks: { ids: [sent.id] } });
    expect(again).toMatchObject({ done: 0, failures: [{ code: "TASK_ENDED" }] });
  });

  test("task.edit-and-run sends a new task with another input", async () => {
    const add = stage.app.task("add", (input: { x: number; y: number }) => input.x + input.y);
    await stage.work();
    await stage.online();
    const sent = await add.delay({ x: 1, y: 2 });
    await stage.inState(sent.id, "succeeded");
    const edited = { do: "task.edit-and-run", id: sent.id, task: "add", args: "[]", kwargs: '{"x":40,"y":2}' } as const;
    const { id = "" } = await stage.act(edited);
    expect(id).not.toBe(sent.id);
    expect(await stage.app.result(id).get({ timeout: "60s" })).toBe(42);
    for (const [field, value] of [
      ["args", "{}"],
      ["kwargs", "[1]"],
      ["args", "[1,"],
      ["kwargs", '{"__proto__":{"a":1}}'],
    ] as const) {
      const response = await stage.post({ ...edited, [field]: value });
      expect([response.status, await response.json()], value).toMatchObject([400, { field }]);
    }
  });

  test("queue.pause, queue.resume, queue.purge with its name typed", async () => {
    const add = stage.app.task("add", (_input: { x: number }) => 1);
    for (let x = 0; x < 3; x++) await add.delay({ x });
    const paused = async (): Promise<boolean | undefined> =>
      (await stage.get<QueueList>("/api/queues")).items.find(({ name }) => name === "celery")?.paused;
    await stage.act({ do: "queue.pause", queue: "celery" });
    expect(await paused()).toBe(true);
    await stage.act({ do: "queue.resume", queue: "celery" });
    expect(await paused()).toBe(false);
    const purge = { do: "queue.purge", queue: "celery", ready: true, delayed: false } as const;
    const wrong = await stage.post({ ...purge, typed: "celeri" });
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { field: "typed" }]);
    expect((await stage.get<MessagePage>("/api/queues/celery/messages")).items).toHaveLength(3);
    expect(await stage.act({ ...purge, typed: "celery" })).toMatchObject({ done: 3 });
    expect((await stage.get<MessagePage>("/api/queues/celery/messages")).items).toHaveLength(0);
  });

  test("worker.* and limit.*: what the worker answers is told", async () => {
    stage.app.task("add", (_input: { x: number }) => 1);
    const worker = await stage.work({ concurrency: 2 });
    await stage.online();
    const name = { worker: "w1@here" };
    const grown = await stage.act({ do: "worker.grow", ...name, by: 3 });
    expect(grown).toMatchObject({ done: 1, failed: 0, replies: { "w1@here": { ok: "pool will grow" } } });
    const scaled = await stage.act({ do: "worker.autoscale", ...name, min: 1, max: 2 });
    expect(scaled.failures).toMatchObject([{ subject: "w1@here", code: "WORKER_REFUSED" }]);
    await stage.act({ do: "worker.add-consumer", ...name, queue: "extra" });
    await stage.until<{ row: { queues?: string[] } }>(
      "/api/workers/w1%40here",
      ({ row }) => row.queues?.includes("extra") === true,
    );
    await stage.act({ do: "worker.cancel-consumer", ...name, queue: "extra" });
    await stage.until<{ row: { queues?: string[] } }>(
      "/api/workers/w1%40here",
      ({ row }) => row.queues?.includes("extra") === false,
    );
    const missing = await stage.act({ do: "worker.shrink", worker: "nobody@here", by: 1 });
    expect(missing).toMatchObject({ done: 0, failures: [{ subject: "nobody@here", code: "NO_ANSWER" }] });
    const rate = await stage.act({ do: "limit.rate", task: "add", rate: "10/m" });
    expect(rate).toMatchObject({ done: 1, replies: { "w1@here": { ok: "new rate limit set successfully" } } });
    await stage.act({ do: "limit.time", task: "add", soft: 5, hard: 10 });
    await stage.until<{ limits: readonly object[] }>("/api/workers/w1%40here", ({ limits }) =>
      JSON.stringify(limits).includes("10/m"),
    );
    await stage.act({ do: "worker.shutdown", ...name });
    await worker.closed;
  });

  test("worker.shrink takes slots away, and none that a pool cannot be without", async () => {
    stage.app.task("add", (_input: { x: number }) => 1);
    const worker = await stage.work({ concurrency: 3 });
    await stage.online();
    const shrink = (by: number) => stage.act({ do: "worker.shrink", worker: "w1@here", by });
    expect(await shrink(2)).toMatchObject({ done: 1, failed: 0, replies: { "w1@here": { ok: "pool will shrink" } } });
    expect(worker.stats().concurrency).toBe(1);
    await stage.until<WorkerDetail>("/api/workers/w1%40here", ({ row }) => row.slots === 1);
    expect(await shrink(1)).toMatchObject({ done: 0, failures: [{ subject: "w1@here", code: "WORKER_REFUSED" }] });
    expect(worker.stats().concurrency).toBe(1);
  });

  test("worker.autoscale sets other bounds for a worker whose pool follows its load", async () => {
    stage.app.task("add", (_input: { x: number }) => 1);
    const worker = await stage.work({ autoscale: { min: 1, max: 2 } });
    await stage.online();
    const scale = (min: number, max: number) => stage.act({ do: "worker.autoscale", worker: "w1@here", min, max });
    const ok = "autoscale now max=5 min=3";
    expect(await scale(3, 5)).toMatchObject({ done: 1, failed: 0, replies: { "w1@here": { ok } } });
    await stage.until<WorkerDetail>("/api/workers/w1%40here", ({ row }) => row.slots === 3);
    expect(worker.stats().concurrency).toBe(3);
    await scale(1, 2);
    await stage.until<WorkerDetail>("/api/workers/w1%40here", ({ row }) => row.slots === 2);
    const grown = await stage.act({ do: "worker.grow", worker: "w1@here", by: 1 });
    expect(grown.failures).toMatchObject([{ code: "WORKER_REFUSED" }]);
  });

  test("schedule.pause, schedule.resume, schedule.run", async () => {
    const tick = stage.app.task("tick", (input: { n: number }) => input.n);
    await stage.app.schedules.add("hourly", every("1h"), tick.si({ n: 7 }));
    const row = async () => (await stage.get<ScheduleList>("/api/schedules")).items[0];
    expect(await row()).toMatchObject({ name: "hourly", task: "tick", paused: false, source: "runtime" });
    expect((await row())?.next.length).toBeGreaterThan(0);
    await stage.act({ do: "schedule.pause", schedule: "hourly" });
    expect(await row()).toMatchObject({ paused: true, next: [] });
    await stage.act({ do: "schedule.resume", schedule: "hourly" });
    await stage.work();
    const { id = "" } = await stage.act({ do: "schedule.run", schedule: "hourly" });
    expect(await stage.app.result(id).get({ timeout: "60s" })).toBe(7);
    const unknown = await stage.post({ do: "schedule.run", schedule: "never" });
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "SCHEDULE_UNKNOWN" }]);
  });

  test("dead.redrive and dead.drop, by key and by filter; task.retry finds the letter", async () => {
    stage.app.task("known", () => 1);
    await stage.work({ unknownTaskGrace: "1ms" });
    await stage.online();
    const later = stage.app.remote<(n: number) => number>("later.known");
    const [first, second, third] = await Promise.all([later.delay(1), later.delay(2), later.delay(3)]);
    const all = await stage.until<DeadLetterPage>("/api/dead", ({ items }) => items.length === 3);
    expect(all.groups).toMatchObject([{ reason: "unknown-task", task: "later.known", count: 3 }]);
    const keyOf = (id: string): string => all.items.find((row) => row.id === id)?.key ?? "";
    await stage.inState(first.id, "dead");
    // Whoever knows the task takes from another queue; here they come back, which shows that they were sent.
    expect(await stage.act({ do: "dead.redrive", letters: { keys: [keyOf(first.id)] } })).toMatchObject({ done: 1 });
    await stage.until<DeadLetterPage>("/api/dead", ({ items }) =>
      items.some((row) => row.id === first.id && row.at > 0),
    );
    expect(await stage.act({ do: "task.retry", tasks: { ids: [second.id] } })).toMatchObject({ done: 1, failed: 0 });
    await stage.until<DeadLetterPage>("/api/dead", ({ items }) => items.length === 3);
    await stage.inState(second.id, "dead");
    expect(await stage.act({ do: "task.requeue", tasks: { ids: [second.id] } })).toMatchObject({ done: 1, failed: 0 });
    const dropped = await stage.act({ do: "dead.drop", letters: { keys: [keyOf(third.id), "nobody"] } });
    expect(dropped).toMatchObject({ done: 1, failed: 1, failures: [{ code: "DEAD_LETTER_UNKNOWN" }] });
    await stage.until<DeadLetterPage>("/api/dead", ({ items }) => items.length === 2);
    const filter = { reason: "unknown-task" };
    expect(await stage.act({ do: "dead.drop", letters: { filter, expect: 2 } })).toMatchObject({ done: 2 });
    expect((await stage.get<DeadLetterPage>("/api/dead")).items).toEqual([]);
  });
}
