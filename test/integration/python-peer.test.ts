/** What a Python worker on the same Redis relies on, tried without one: `BRPOP` stands for its consumer. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp, type WorkerHandle } from "../../src/index.ts";
import { decodeTaskMeta } from "../../src/wire/outcome.ts";
import { eventually } from "../server/redis-backend.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

/** A member of a chord as Celery 5.6.3 sends it, cut to what matters: its body names the task that is called with all results. */
const chordMember = (id: string, queue: string): string =>
  JSON.stringify({
    body: JSON.stringify([[1], {}, { callbacks: null, errbacks: null, chain: null, chord: chordBody }]),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: { lang: "py", task: "t.known", id, group: "g", group_index: 0, root_id: id },
    properties: { delivery_info: { exchange: "", routing_key: queue }, priority: 0, delivery_tag: id },
  });
const chordBody = {
  task: "py.sum",
  args: [],
  kwargs: {},
  options: { queue: "py", task_id: "sum", group_id: "g" },
  subtask_type: null,
  immutable: false,
};

describeWith("redis-server", "beside Python workers", () => {
  let redis: RedisServer;
  let app: App;
  let worker: WorkerHandle | undefined;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.cli("flushall");
    app = createApp({ name: "peer", broker: redis.url });
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    await app.close();
  });
  const work = async (): Promise<void> => {
    worker = await app.work({ pool: "inline", queues: ["celery", "both"], lease: "60s", sweep: "200ms" });
  };

  describe("a delayed call", () => {
    it("of a task that others run goes to its queue at once, with its eta", async () => {
      await app.remote<() => void>("py.task", { queue: "py" }).enqueue([], { delay: "1h" });
      const envelope = JSON.parse(await redis.cli("rpop", "py")) as { headers: { eta: string } };
      expect(Date.parse(envelope.headers.eta) - Date.now()).toBeGreaterThan(3_500_000);
      expect(await redis.cli("hlen", "unacked")).toBe("0");
    });

    it("of a task of our own is held by the broker", async () => {
      await app.task("t.own", () => 1).enqueue(undefined, { delay: "1h" });
      expect(await redis.cli("llen", "celery")).toBe("0");
      expect(await redis.cli("zcard", "celeriac:due:celery")).toBe("1");
    });

    it("that one of our workers gets too early is held by the broker from then on, and runs when it is due", async () => {
      app.task("t.other", () => "ran");
      await work();
      const producer = createApp({ broker: redis.url });
      const begun = performance.now();
      const sent = await producer.remote<() => string>("t.other").enqueue([], { delay: "5s" });
      await eventually("the parking", async () => (await redis.cli("zcard", "celeriac:due:celery")) === "1");
      expect(await sent.get({ timeout: "60s" })).toBe("ran");
      expect(performance.now() - begun).toBeGreaterThan(4_500);
      await producer.close();
    });
  });

  it("runs a member of a chord that a Python service has begun, and lets it arrive as Celery's members do", async () => {
    app.task("t.known", () => 1);
    await work();
    await redis.cli("lpush", "both", chordMember("m1", "both"));
    await eventually("the arrival", async () => (await redis.cli("zcard", "celery-taskset-meta-g.j")) === "1");
    expect(JSON.parse(await redis.cli("zrange", "celery-taskset-meta-g.j", "0", "-1"))).toEqual([
      1,
      "m1",
      "SUCCESS",
      1,
    ]);
    const meta = decodeTaskMeta(Buffer.from(await redis.cli("get", "celery-task-meta-m1")));
    expect(meta).toMatchObject({ status: "SUCCESS", group: "g" });
  });

  it("stores what a handler sent as its children, in a pool without processes too", async () => {
    const child = app.task("t.child", () => 1);
    const parent = app.task("t.parent", async () => (await child.delay()).id);
    await work();
    const sent = await parent.delay();
    const id = await sent.get({ timeout: "60s" });
    const meta = decodeTaskMeta(Buffer.from(await redis.cli("get", `celery-task-meta-${sent.id}`)));
    expect(meta.children).toEqual([[[id, null], null]]);
  });
});
