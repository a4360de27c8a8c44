/** `results: "rpc://"` over Redis, end to end: apps ask each other, and a reader that knows kombu's lists alone asks a worker. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type App, createApp, type WorkerHandle } from "../../src/index.ts";
import { eventually } from "../server/redis-backend.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

/** A call as Celery's clients make it, cut to what matters. */
const pythonCall = (id: string, task: string, args: readonly unknown[], oid: string): string =>
  JSON.stringify({
    body: Buffer.from(
      JSON.stringify([args, {}, { callbacks: null, errbacks: null, chain: null, chord: null }]),
    ).toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: { lang: "py", task, id, root_id: id, parent_id: null, retries: 0, group: null },
    properties: {
      correlation_id: id,
      reply_to: oid,
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: "celery" },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: id,
    },
  });

describeWith("redis-server", "results by rpc over redis", () => {
  let redis: RedisServer;
  let app: App;
  let asker: App;
  let worker: WorkerHandle;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.cli("flushall");
    app = createApp({ name: "worker", broker: redis.url, results: "rpc://" });
    asker = createApp({ name: "asker", broker: redis.url, results: "rpc://" });
    app.task("t.add", { positional: ["a", "b"] }, ({ a, b }: { a: number; b: number }) => a + b);
    app.task("t.fail", () => {
      throw new RangeError("too far");
    });
    app.task("t.slow", (_: unknown, ctx) => {
      ctx.progress(1, 2, "half");
      return "done";
    });
    worker = await app.work({ pool: "inline", lease: "60s", sweep: "200ms" });
  });
  afterEach(async () => {
    await worker.stop();
    await Promise.all([app.close(), asker.close()]);
  });

  it("come to whoever asked, values and failures", async () => {
    const add = asker.remote<(a: number, b: number) => number>("t.add");
    const sent = await Promise.all(Array.from({ length: 50 }, (_, index) => add.delay(index, 1)));
    expect(await Promise.all(sent.map((one) => one.get({ timeout: "60s" })))).toEqual(
      sent.map((_, index) => index + 1),
    );
    const failed = await asker.remote<() => void>("t.fail").delay();
    await expect(failed.get({ timeout: "60s" })).rejects.toMatchObject({ code: "TASK_FAILED" });
    const watched = await asker.remote<() => string>("t.slow").delay();
    expect(await watched.get({ timeout: "60s" })).toBe("done");
    // Nobody keeps them: neither the store of the broker nor the lists, once read.
    await eventually("empty lists", async () => (await redis.cli("keys", "????????-????-*")) === "");
  });

  it("come to the list that a Python client waits on", async () => {
    const oid = crypto.randomUUID();
    await redis.cli("lpush", "celery", pythonCall("py-1", "t.add", [2, 2], oid));
    const [list, raw] = (
      await redis.cli("brpop", oid, `${oid}\x06\x163`, `${oid}\x06\x166`, `${oid}\x06\x169`, "60")
    ).split("\n");
    expect(list).toBe(oid);
    const envelope = JSON.parse(raw ?? "") as { body: string; properties: Record<string, unknown> };
    expect(envelope).toMatchObject({ "content-type": "application/json", properties: { correlation_id: "py-1" } });
    const text =
      "body_encoding" in envelope.properties ? Buffer.from(envelope.body, "base64").toString() : envelope.body;
    expect(JSON.parse(text)).toMatchObject({
      task_id: "py-1",
      status: "SUCCESS",
      result: 4,
      traceback: null,
      children: [],
    });
    expect(await redis.cli("exists", oid, "celery-task-meta-py-1")).toBe("0");
  });
});
