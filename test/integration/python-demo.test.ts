/** The mixed example as its users run it: a real Python worker and the built package. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run as runTool, tool } from "../../scripts/process.ts";
import { releaseNames, releases } from "../interop/release.ts";
import { BuiltCheckout, type Run } from "../server/built-checkout.ts";
import { startCelery } from "../server/celery-worker.ts";
import { celeriac } from "../server/command-line.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeNeeding, describeWith } from "../server/required-program.ts";

const example = fileURLToPath(new URL("../../examples/python-and-typescript/", import.meta.url));
let checkout: BuiltCheckout;
beforeAll(async () => {
  checkout = await BuiltCheckout.make();
  return () => checkout.remove();
});
const demo = (args: readonly string[]): Promise<Run> =>
  checkout.run("examples/python-and-typescript/run.ts", args, { C_FORCE_ROOT: "1", PYTHONWARNINGS: "ignore" });

/** What a run with so many calls each way must report. */
const report = (calls: number): object => ({
  passages: [
    { way: "TypeScript API → Python", calls, right: calls },
    { way: "Python client → TypeScript", calls, right: calls },
    { way: "TypeScript → Python → TypeScript", calls: 1, right: 1 },
  ],
  errors: {
    inTypeScript: "422 model.tasks.EmptyText: there is nothing to score",
    inPython: expect.stringContaining("EmptyPage"),
  },
  ok: true,
});

describe("npm run demo:python", () => {
  test("says what is wrong with its command line, and what is missing", async () => {
    expect(await demo(["--cals", "1"])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("--calls N"),
    });
    expect(await demo(["--broker", "redis://127.0.0.1:1/0", "--python", "no-python", "--json"])).toMatchObject({
      code: 77,
      stdout: "",
      stderr: expect.stringContaining('no-python cannot import celery, redis: pip install "celery[redis]"'),
    });
  });
});

for (const name of releaseNames) {
  const release = releases[name];
  describeNeeding(release, `npm run demo:python with Celery ${name}`, () => {
    describeWith("redis-server", `over a Redis of its own, Celery ${name}`, () => {
      test("each language calls the other, gets its results, and sees its errors", { timeout: 240_000 }, async () => {
        const ended = await demo(["--json", "--calls", "20", "--python", release.interpreter]);
        expect(ended.stderr).toBe("");
        const told = JSON.parse(ended.stdout) as { readonly celery: string };
        expect(told).toMatchObject(report(20));
        expect(told.celery.startsWith(`${name}.`)).toBe(true);
        expect(ended.code).toBe(0);
        expect(ended.leftovers).toEqual([]);
      });

      test("its declarations are those that `celeriac types` writes", async () => {
        await using redis = await startRedis();
        const env = { CELERIAC_BROKER: redis.url };
        await using _worker = await startCelery({ release, folder: example, app: "model.tasks", name: "py@demo", env });
        const out = join(checkout.folder, `declared-${name}.ts`);
        const args = [
          "types",
          "--python",
          release.interpreter,
          "--path",
          example,
          "--out",
          out,
          "--destination",
          "py@demo",
        ];
        expect(await celeriac(args, { ...env, PYTHONDONTWRITEBYTECODE: "1" })).toMatchObject({ code: 0, stderr: "" });
        await writeFile(join(checkout.folder, ".oxfmtrc.json"), await readFile(join(example, "../../.oxfmtrc.json")));
        await runTool(tool("oxfmt"), ["--write", out], { cwd: checkout.folder, output: "keep" });
        expect(await readFile(out, "utf8")).toBe(await readFile(join(example, "python-tasks.ts"), "utf8"));
      });
    });
  });
}

describeWith("rabbitmq-server", "npm run demo:python over RabbitMQ", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 240_000);
  afterAll(() => rabbit.stop());

  for (const name of releaseNames) {
    const release = releases[name];
    describeNeeding(release, `with Celery ${name}, both ways`, () => {
      test("with results over rpc://", { timeout: 240_000 }, async () => {
        const args = ["--json", "--calls", "20", "--broker", rabbit.url, "--python", release.interpreter];
        const ended = await demo(args);
        expect(ended.stderr).toBe("");
        expect(JSON.parse(ended.stdout)).toMatchObject(report(20));
      });

      test("with results in Redis", { timeout: 240_000 }, async () => {
        await using redis = await startRedis();
        const places = ["--broker", rabbit.url, "--results", redis.url];
        const ended = await demo(["--json", "--calls", "20", ...places, "--python", release.interpreter]);
        expect(ended.stderr).toBe("");
        expect(JSON.parse(ended.stdout)).toMatchObject(report(20));
      });
    });
  }
});
