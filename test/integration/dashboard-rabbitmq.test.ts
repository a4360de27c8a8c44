/** The dashboard's actions on RabbitMQ, with results on Redis and on SQLite: what AMQP can do, and what is said where it cannot. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type {
  AuditPage,
  DeadLetterPage,
  Overview,
  QueueList,
  QueueRow,
  Session,
  TaskDetail,
  WhyNot,
} from "../../src/dashboard/contract.ts";
import { Stage } from "../../src/dashboard/fixtures/stage.ts";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const bootLimit = 120_000;

describeWith("rabbitmq-server", "the dashboard on a private rabbitmq-server", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  }, bootLimit);
  afterAll(() => rabbit.stop());

  function describeActions(results: () => string): void {
    let stage: Stage;
    beforeEach(async () => {
      await dropQueues(rabbit);
      stage = new Stage(rabbit.url, {}, results());
      await stage.page.start();
      return async () => {
        // A pause outlives every process, and the queue itself.
        await stage.app.queues.resume("celery");
        await stage[Symbol.asyncDispose]();
      };
    });
    const untilQueue = (name: string, fits: (row: QueueRow) => boolean): Promise<unknown> =>
      stage.until<QueueList>("/api/queues", ({ items }) => items.some((row) => row.name === name && fits(row)));

    /** Workers that take from it are told, which comes a moment after the pause itself. */
    const isHeld = ({ paused, consumers }: QueueRow): boolean => paused === true && consumers === 0;

    test("queue.pause holds a queue, queue.resume lets it go, queue.purge empties it", async () => {
      const add = stage.app.task("add", (input: { x: number }) => input.x);
      await stage.work();
      await stage.online();
      expect(await stage.act({ do: "queue.pause", queue: "celery" })).toMatchObject({ done: 1, failed: 0 });
      await untilQueue("celery", isHeld);
      const sent = [await add.delay({ x: 1 }), await add.delay({ x: 2 })];
      await untilQueue("celery", ({ ready }) => ready === 2);
      const why = await stage.get<WhyNot>(`/api/tasks/${sent[0]?.id ?? ""}/why`);
      expect(why.reasons.map(({ kind }) => kind)).toContain("queue-paused");
      await stage.act({ do: "queue.resume", queue: "celery" });
      expect(await Promise.all(sent.map((one) => one.get({ timeout: "60s" })))).toEqual([1, 2]);
      await stage.act({ do: "queue.pause", queue: "celery" });
      await untilQueue("celery", isHeld);
      for (let x = 0; x < 3; x++) await add.delay({ x });
      await untilQueue("celery", ({ ready }) => ready === 3);
      const purge = { do: "queue.purge", queue: "celery", ready: true, delayed: false } as const;
      expect((await stage.post({ ...purge, typed: "celeri" })).status).toBe(400);
      expect(await stage.act({ ...purge, typed: "celery" })).toMatchObject({ done: 3, failed: 0 });
      await untilQueue("celery", ({ ready }) => ready === 0);
      const delayed = await stage.post({ ...purge, typed: "celery", ready: false, delayed: true });
      expect([delayed.status, await delayed.json()]).toMatchObject([501, { code: "NOT_SUPPORTED" }]);
      const { items } = await stage.get<AuditPage>("/api/audit");
      expect(items.map((row) => [row.do, row.done, row.refused?.split(":")[0]])).toEqual([
        ["queue.purge", 0, "NOT_SUPPORTED"],
        ["queue.purge", 3, undefined],
        ["queue.purge", 0, "BAD_REQUEST"],
        ["queue.pause", 1, undefined],
        ["queue.resume", 1, undefined],
        ["queue.pause", 1, undefined],
      ]);
    });

    test("task.cancel ends what runs, task.revoke what waits, task.retry repeats", async () => {
      const begun = Promise.withResolvers<void>();
      let runs = 0;
      const wait = stage.app.task("wait", async (_input: { n: number }, ctx) => {
        if (++runs > 1) return "again";
        begun.resolve();
        return new Promise<string>((_, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)),
        );
      });
      await stage.work({ concurrency: 1 });
      await stage.online();
      const running = await wait.delay({ n: 1 });
      await begun.promise;
      await stage.inState(running.id, "running");
      const waiting = await wait.delay({ n: 2 });
      expect(await stage.act({ do: "task.revoke", tasks: { ids: [waiting.id] } })).toMatchObject({ done: 1 });
      expect(await stage.act({ do: "task.cancel", tasks: { ids: [running.id] } })).toMatchObject({ done: 1 });
      await stage.inState(running.id, "revoked");
      await stage.inState(waiting.id, "revoked");
      expect(runs).toBe(1);
      expect(await stage.act({ do: "task.retry", tasks: { ids: [running.id] } })).toMatchObject({ done: 1, failed: 0 });
      await stage.inState(running.id, "succeeded");
      expect(await running.get({ timeout: "60s" })).toBe("again");
    });

    test("dead.redrive and dead.drop reach the letters", async () => {
      let broken = true;
      const shaky = stage.app.task("shaky", { retry: { limit: 0 } }, (_input: { n: number }, ctx) => {
        if (broken) ctx.reject();
        return "whole";
      });
      await stage.work();
      await stage.online();
      const [first, second] = [await shaky.delay({ n: 1 }), await shaky.delay({ n: 2 })];
      const { items } = await stage.until<DeadLetterPage>("/api/dead", (page) => page.items.length === 2);
      const keyOf = (id: string): string => items.find((row) => row.id === id)?.key ?? "";
      broken = false;
      expect(await stage.act({ do: "dead.redrive", letters: { keys: [keyOf(first.id)] } })).toMatchObject({ done: 1 });
      expect(await first.get({ timeout: "60s" })).toBe("whole");
      // Of the dead letters, task.requeue too; of nothing else.
      await stage.inState(second.id, "dead");
      expect(await stage.act({ do: "task.requeue", tasks: { ids: [second.id] } })).toMatchObject({
        done: 1,
        failed: 0,
      });
      await stage.inState(second.id, "succeeded");
      broken = true;
      const third = await shaky.delay({ n: 3 });
      const page = await stage.until<DeadLetterPage>("/api/dead", (left) => left.items.length === 1);
      expect(page.items).toMatchObject([{ id: third.id, task: "shaky", queue: "celery" }]);
      const dropped = await stage.act({ do: "dead.drop", letters: { filter: { task: "shaky" }, expect: 1 } });
      expect(dropped).toMatchObject({ done: 1, failed: 0 });
      expect((await stage.get<DeadLetterPage>("/api/dead")).items).toEqual([]);
    });

    test("what AMQP cannot do is said, and not offered", async () => {
      const add = stage.app.task("add", (input: { x: number }) => input.x);
      const sent = await add.delay({ x: 1 });
      await untilQueue("celery", ({ ready }) => ready === 1);
      const session = await stage.get<Session>("/api/session");
      expect(session.broker).toMatchObject({ kind: "rabbitmq", connected: true, can: { browse: false, pause: true } });
      expect(session.may).not.toContain("task.requeue");
      const browse = await stage.ask("/api/queues/celery/messages");
      expect([browse.status, await browse.json()]).toMatchObject([501, { code: "NOT_SUPPORTED" }]);
      await stage.inState(sent.id, "queued");
      const move = await stage.post({ do: "task.requeue", tasks: { ids: [sent.id] } });
      expect([move.status, await move.json()]).toMatchObject([
        501,
        { code: "NOT_SUPPORTED", text: expect.stringContaining("AMQP") },
      ]);
      const detail = await stage.get<TaskDetail>(`/api/tasks/${sent.id}`);
      expect(detail.row).toMatchObject({ state: "queued", queue: "celery" });
      expect((await stage.get<Overview>("/api/overview")).now.queued).toBe(1);
    });
  }

  describeWith("redis-server", "with results on Redis", () => {
    let redis: RedisServer;
    let database = 0;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());
    describeActions(() => `${redis.url.replace(/\/\d*$/, "")}/${String(database++)}`);
  });

  describe("with results on SQLite", () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-dashboard-"));
    let count = 0;
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    describeActions(() => `sqlite:${join(folder, `${String(count++)}.db`)}`);
  });
});
