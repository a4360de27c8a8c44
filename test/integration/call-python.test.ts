/** `celeriac call` against a Python worker, with results where the worker keeps them. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { releaseNames, releases } from "../interop/release.ts";
import { startCelery } from "../server/celery-worker.ts";
import { celeriac, type Environment, type Finished } from "../server/command-line.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeNeeding, describeWith } from "../server/required-program.ts";

const folder = fileURLToPath(new URL("./typed/", import.meta.url));

describeWith("redis-server", "celeriac call to Python", () => {
  let redis: RedisServer;
  let places: readonly string[];
  beforeAll(async () => {
    redis = await startRedis();
    places = ["--broker", redis.url, "--results", redis.url.replace(/0$/, "1")];
  });
  afterAll(() => redis.stop());
  const run = (args: readonly string[], env: Environment = {}): Promise<Finished> =>
    celeriac(args, { CELERIAC_BROKER: "", CELERIAC_RESULTS: "", ...env });

  for (const name of releaseNames) {
    const release = releases[name];
    describeNeeding(release, `Celery ${name}, messages and results in two databases`, () => {
      let worker: AsyncDisposable;
      beforeAll(async () => {
        const env = { SHOP_BROKER: redis.url, SHOP_RESULTS: redis.url.replace(/0$/, "1") };
        worker = await startCelery({ release, folder, app: "shop.tasks", name: "w@call", env });
      });
      afterAll(() => worker[Symbol.asyncDispose]());

      test("prints what the task gives, and the exit code says how it did", async () => {
        const sum = await run(["call", "shop.tasks.add", "--args", "[2,2]", ...places, "--timeout", "100s"]);
        expect(sum).toEqual({ code: 0, stdout: "SUCCESS  4\n", stderr: "" });
        const refused = await run(["call", "shop.tasks.refuse", "--args", '["no"]', ...places, "--timeout", "100s"]);
        expect(refused.code).toBe(3);
        expect(refused.stdout).toMatch(/^FAILURE {2}ValueError: no\nTraceback[^]+raise ValueError/);
      });

      test("and the environment may say where both are", async () => {
        const env = { CELERIAC_BROKER: redis.url, CELERIAC_RESULTS: places[3] ?? "" };
        const sent = await run(["call", "shop.tasks.add", "--kwargs", '{"x":1,"y":2.5}', "--id", name], env);
        expect(sent.stdout).toBe(`${name}\n`);
        expect(await run(["result", name, "--timeout", "100s"], env)).toMatchObject({ stdout: "SUCCESS  3.5\n" });
        // Where the messages are, nothing is known of it.
        expect(await run(["result", name, "--broker", redis.url])).toMatchObject({ code: 4 });
      });
    });
  }

  test("says with what it cannot be combined, and what only the sender can read", async () => {
    expect(await run(["queues", "-A", "./app.ts", "--results", redis.url])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--results goes with --broker"),
    });
    expect(await run(["result", "x", "--broker", redis.url, "--results", "rpc://"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("NOT_SUPPORTED: A result over rpc:// goes to whoever sent the task"),
    });
    const told = await run(["doctor", "--broker", redis.url, "--results", "redis://me:secret@127.0.0.1:1/3"]);
    expect(told.stdout).toContain(`url     ${redis.url}; results redis://***@127.0.0.1:1/3\n`);
    expect(told.code).toBe(1);
  });
});
