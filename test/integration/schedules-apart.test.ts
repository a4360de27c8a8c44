/** Messages on RabbitMQ, ticks on Redis: a scheduler that dies in the middle of one loses nothing, and nothing runs twice. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp } from "../../src/index.ts";
import type { Term } from "../../src/port/lease.ts";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { tickMessage, tickSchedule, tickTime } from "./rig/tick-message.ts";

const firing = new URL("./rig/firing-process.ts", import.meta.url).pathname;

describeWith("rabbitmq-server", "ticks beside RabbitMQ", () => {
  describeWith("redis-server", "on Redis", () => {
    let rabbit: RabbitServer;
    let redis: RedisServer;
    let app: App;
    beforeAll(async () => {
      [rabbit, redis] = await Promise.all([startRabbit(), startRedis()]);
    }, 240_000);
    afterEach(async () => {
      await app.close();
      await dropQueues(rabbit);
      await redis.cli("FLUSHALL");
    });
    afterAll(() => Promise.all([rabbit.stop(), redis.stop()]));

    it.each([
      { when: "before", lying: 1 },
      { when: "after", lying: 2 },
    ])("runs once a tick whose sender was killed $when its message reached the broker", async ({ when, lying }) => {
      const child = spawn(process.execPath, [firing, rabbit.url, redis.url, when], { stdio: "inherit" });
      expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);

      const runs: string[] = [];
      app = createApp({ broker: rabbit.url, results: redis.url });
      app.task("t.nightly", (_input: object, ctx) => void runs.push(ctx.id));
      const { lease, control, broker } = await coreOf(app).connect();
      expect(control).toBeDefined();
      let term: Term | undefined;
      await expect
        .poll(async () => (term = await lease?.acquire("firing", "next", 30_000)), { timeout: 60_000 })
        .toBeDefined();
      expect(await lease?.fired(tickSchedule, 1)).toEqual([]);
      const id = `tick-${when}`;
      const fire = () => lease?.fire(term as Term, tickSchedule, tickTime, [tickMessage(id)]);
      expect(await fire()).toBe("fired");
      expect(await fire()).toBe("mine-already");
      expect(await lease?.fired(tickSchedule, 1)).toEqual([{ tick: tickTime, id }]);
      const count = async (): Promise<number | undefined> =>
        (await broker.queues.list()).find(({ name }) => name === "celery")?.ready[0]?.count;
      await expect.poll(count).toBe(lying);

      const worker = await app.work({ pool: "inline", concurrency: 2 });
      await app.result(id).get({ timeout: "60s" });
      await expect.poll(count).toBeOneOf([0, undefined]);
      await worker.stop();
      expect(runs).toEqual([id]);
      expect((await app.dead.list({}, undefined, 10)).items).toEqual([]);
    });
  });
});
