/** `--health`: what probes hear of a worker and a scheduler as these start, lose their broker, find it again, and end. */

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { celeriac, WorkerProcess } from "../server/command-line.ts";
import { freePort } from "../server/free-port.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const app = fileURLToPath(new URL("./cli/app.ts", import.meta.url));

describeWith("redis-server", "celeriac --health", () => {
  test("tells whether a worker lives, and whether it takes tasks", async () => {
    await using redis = await startRedis({ appendonly: true });
    const env = { CLI_TEST_BROKER: redis.url };
    const port = await freePort();
    const ask = async (path: string, method = "GET"): Promise<readonly [number, unknown]> => {
      const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`, { method });
      return [answer.status, await answer.json()];
    };
    await using worker = new WorkerProcess(
      ["-A", app, "--pool", "inline", "--grace", "2m", "--health", String(port)],
      env,
    );
    await worker.line("worker.ready");
    await expect.poll(() => ask("/readyz")).toEqual([200, { state: "ready" }]);
    expect(await ask("/healthz")).toEqual([200, { alive: true }]);
    expect((await ask("/"))[0]).toBe(404);
    expect((await ask("/readyz", "POST"))[0]).toBe(405);

    // Another one finds the port taken, and says so before it takes a task.
    const second = await celeriac(["worker", "-A", app, "--pool", "inline", "--health", String(port)], env);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/CONFIG_INVALID.*EADDRINUSE/) });

    await redis.kill();
    await worker.line("broker.disconnected");
    await expect.poll(() => ask("/readyz")).toEqual([503, { state: "no broker" }]);
    expect(await ask("/healthz")).toEqual([200, { alive: true }]);
    await redis.restart();
    await expect.poll(() => ask("/readyz")).toEqual([200, { state: "ready" }]);

    await celeriac(["call", "gate.wait", "--kwargs", '{"file":"/never"}', "-A", app], env);
    await worker.line("task.started");
    worker.child.kill("SIGTERM");
    await worker.line("worker.stopping");
    await expect.poll(() => ask("/readyz")).toEqual([503, { state: "stopping" }]);
    expect(await ask("/healthz")).toEqual([200, { alive: true }]);
    worker.child.kill("SIGTERM");
    expect(await worker.exited).toBe(143);
  });

  test("tells of a scheduler, and ends with it", async () => {
    await using redis = await startRedis({ appendonly: true });
    const port = await freePort();
    await using beat = new WorkerProcess(
      ["-A", app, "--health", `127.0.0.1:${String(port)}`],
      { CLI_TEST_BROKER: redis.url },
      "beat",
    );
    await beat.line("beat.ready");
    const state = async (): Promise<number> => (await fetch(`http://127.0.0.1:${String(port)}/readyz`)).status;
    await expect.poll(state).toBe(200);
    expect(await beat.stop()).toBe(0);
    await expect(state()).rejects.toThrow("fetch failed");
  });
});
