/** An unmodified Flower looks at our workers and acts on them, as at Python's. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp, type WorkerHandle } from "../../src/index.ts";
import { freePort } from "../server/free-port.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { eventually } from "../server/redis-backend.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeNeeding, describeWith } from "../server/required-program.ts";
import { releases } from "./release.ts";
import { declareTasks } from "./tasks.ts";

const { interpreter, install } = releases["5.6"];
const patience = { timeout: 90_000, interval: 100 };
const node = "looked-at@ts";

describeNeeding(
  {
    program: "Flower for Python",
    install,
    get available(): boolean {
      return spawnSync(interpreter, ["-c", "import flower, celery, redis, amqp"]).status === 0;
    },
  },
  "interoperability with Flower",
  () => {
    describeWith("redis-server", "over Redis", () => {
      let server: RedisServer;
      beforeAll(async () => {
        server = await startRedis();
      });
      afterAll(() => server.stop());
      look(() => server.url);
    });
    describeWith("rabbitmq-server", "over RabbitMQ", () => {
      let server: RabbitServer;
      beforeAll(async () => {
        server = await startRabbit();
      });
      afterAll(() => server.stop());
      look(() => server.url);
    });
  },
);

function look(broker: () => string): void {
  describe("a worker of ours", () => {
    let app: App;
    let worker: WorkerHandle;
    let flower: ChildProcess;
    let base = "";
    let output = "";

    beforeAll(async () => {
      app = createApp({ name: "looked-at", broker: broker() });
      declareTasks(app);
      worker = await app.work({ name: node, pool: "inline", concurrency: 4, queues: ["ts"] });
      const port = await freePort();
      base = `http://127.0.0.1:${String(port)}`;
      const args = ["-m", "celery", "-b", broker(), "flower", "--address=127.0.0.1", `--port=${String(port)}`];
      flower = spawn(interpreter, args, {
        env: { ...process.env, FLOWER_UNAUTHENTICATED_API: "true", PYTHONDONTWRITEBYTECODE: "1" },
        stdio: ["ignore", "ignore", "pipe"],
      });
      flower.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));
      const answers = async (): Promise<boolean> =>
        (await fetch(`${base}/healthcheck`).catch(() => undefined))?.ok === true;
      await eventually("Flower", answers, 120_000);
    }, 180_000);
    afterAll(async () => {
      flower.kill("SIGKILL");
      if (flower.exitCode === null && flower.signalCode === null) await once(flower, "exit");
      await app.close();
    });

    const get = async (path: string): Promise<Record<string, Record<string, unknown>>> => {
      const response = await fetch(base + path);
      if (!response.ok) throw new Error(`${path}: ${String(response.status)} ${await response.text()}\n${output}`);
      return (await response.json()) as Record<string, Record<string, unknown>>;
    };
    const post = async (path: string): Promise<unknown> => {
      const response = await fetch(base + path, { method: "POST" });
      if (!response.ok) throw new Error(`${path}: ${String(response.status)} ${await response.text()}\n${output}`);
      return response.json();
    };

    test("is there with all it says of itself", async () => {
      await expect.poll(async () => Object.keys(await get("/api/workers?refresh=1")), patience).toContain(node);
      const { [node]: facts } = await get("/api/workers");
      expect(facts).toMatchObject({
        active_queues: [{ name: "ts" }],
        registered: expect.arrayContaining(["ts.add"]),
        stats: { pool: { "max-concurrency": 4 }, pid: process.pid },
        conf: { task_serializer: "json" },
      });
      await expect.poll(async () => (await get("/api/workers?status=1"))[node], patience).toBe(true);
      const page = await fetch(`${base}/worker/${node}`);
      expect([page.status, (await page.text()).includes(node)]).toEqual([200, true]);
    });

    test("shows what it runs, from its arrival to its end", async () => {
      const call = { task: "ts.add", args: [2, 3], kwargs: {}, options: { queue: "ts" } };
      // Whether anybody listens is known within seconds, so what is sent at first may not be told of.
      const seen = async (): Promise<Record<string, unknown> | undefined> => {
        const [sent] = await coreOf(app).send([call]);
        await app.result(sent?.id ?? "").get({ timeout: "60s" });
        return Object.values(await get("/api/tasks")).find(({ state }) => state === "SUCCESS");
      };
      await expect.poll(seen, patience).toMatchObject({ name: "ts.add", result: "5", worker: node });
      const page = await fetch(`${base}/task/${String((await seen())?.["uuid"])}`);
      expect(page.status).toBe(200);
    });

    test("ends a task that runs when it is told to", async () => {
      const gate = join(await mkdtemp(join(tmpdir(), "celeriac-flower-")), "gate");
      const call = { task: "ts.progress", args: [gate], kwargs: {}, options: { queue: "ts" } };
      const [sent] = await coreOf(app).send([call]);
      await expect.poll(() => worker.stats().busy, patience).toBe(1);
      await post(`/api/task/revoke/${sent?.id ?? ""}?terminate=true`);
      await expect.poll(() => worker.stats().busy, patience).toBe(0);
      await expect.poll(async () => (await get("/api/tasks"))[sent?.id ?? ""]?.["state"], patience).toBe("REVOKED");
    });

    test("does what its buttons say", async () => {
      expect(await post(`/api/worker/pool/grow/${node}?n=2`)).toMatchObject({
        message: expect.stringContaining("Growing"),
      });
      await expect.poll(() => worker.stats().concurrency, patience).toBe(6);
      await post(`/api/worker/queue/add-consumer/${node}?queue=more`);
      await expect.poll(() => worker.stats().queues, patience).toEqual(["ts", "more"]);
      await post(`/api/worker/queue/cancel-consumer/${node}?queue=more`);
      await expect.poll(() => worker.stats().queues, patience).toEqual(["ts"]);
      await post(`/api/worker/pool/shrink/${node}?n=3`);
      await expect.poll(() => worker.stats().concurrency, patience).toBe(3);
      await post(`/api/worker/shutdown/${node}`);
      await worker.closed;
    });
  });
}
