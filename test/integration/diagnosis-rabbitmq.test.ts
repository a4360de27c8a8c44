/** Where the broker shows no messages: workers and results say what they know, and queues what is wrong with them. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reason } from "../../src/index.ts";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { Stage } from "./diagnosis-suite.ts";

describeWith("rabbitmq-server", "with a private rabbitmq-server", () => {
  describeWith("redis-server", "and a private redis-server", () => {
    describe("why a task is not running, on RabbitMQ", () => {
      let rabbit: RabbitServer;
      let redis: RedisServer;
      let stage: Stage;

      beforeAll(async () => {
        [rabbit, redis] = await Promise.all([startRabbit(), startRedis()]);
        await dropQueues(rabbit);
        stage = new Stage({ url: rabbit.url, results: redis.url, close: async () => {} });
        const { app, ids } = stage;
        const { ok, block, exhausted } = stage.tasks();
        await stage.work("main@suite", ["main"], 4);
        const started = new Promise<void>((resolve) => {
          void stage.work("busy@suite", ["busy"], 1, {
            onEvent: ({ type }) => void (type === "task:started" && resolve()),
          });
        });
        const [done, dead] = [await ok.delay({}), await exhausted.delay()];
        await Promise.all([done.get(), dead.get().catch(() => {})]);
        ids.set("succeeded", done.id).set("dead", dead.id).set("unknown", crypto.randomUUID());
        ids.set("running", (await block.enqueue(undefined, { queue: "busy" })).id);
        await started;
        await app.queues.pause("paused");
        ids.set("paused", (await ok.enqueue({}, { queue: "paused" })).id);
        ids.set("nobody", (await ok.enqueue({}, { queue: "nobody" })).id);
        ids.set("revoked", (await ok.enqueue({}, { queue: "nobody" })).id);
        await app.revoke(ids.get("revoked") ?? "");
        await stage.explainAll();
      }, 240_000);
      afterAll(async () => {
        await stage.close();
        await Promise.all([rabbit.stop(), redis.stop()]);
      });

      const kinds = (name: string): readonly Reason["kind"][] =>
        stage.explanation(name).reasons.map(({ kind }) => kind);

      it("workers say what runs there", () => {
        expect(stage.explanation("running")).toMatchObject({
          state: "running",
          reasons: [{ kind: "running", worker: "busy@suite", since: expect.any(Number) }],
        });
      });

      it("results and dead letters say what has ended", () => {
        expect(stage.explanation("succeeded")).toMatchObject({ state: "succeeded", reasons: [{ kind: "ended" }] });
        expect(stage.explanation("dead")).toMatchObject({
          state: "dead",
          reasons: [{ kind: "dead", reason: "exhausted" }],
        });
      });

      it("of the rest nobody knows where it is, and what is wrong with the queues is told", () => {
        const wrong = ["queue-paused", "no-worker", "not-found"];
        for (const name of ["paused", "nobody", "unknown"]) expect(kinds(name)).toEqual(expect.arrayContaining(wrong));
        expect(stage.explanation("unknown").reasons.at(-1)).toMatchObject({ looked: ["results", "workers"] });
        expect(stage.explanation("paused").reasons).toEqual(
          expect.arrayContaining([expect.objectContaining({ kind: "queue-paused", queue: "paused" })]),
        );
        expect(kinds("revoked")[0]).toBe("revoked");
      });
    });
  });
});
