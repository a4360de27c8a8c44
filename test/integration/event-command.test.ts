/** `celeriac events` and `celeriac top` as their users have them, on a database file with a real worker. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { celeriac, WorkerProcess } from "../server/command-line.ts";

const appFile = fileURLToPath(new URL("./cli/app.ts", import.meta.url));
const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

let folder: string;
let worker: WorkerProcess;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-events-"));
  env = { CLI_TEST_BROKER: `sqlite:${join(folder, "queue.db")}`, CELERIAC_BROKER: "" };
  worker = new WorkerProcess(["-A", appFile, "--processes", "1", "-c", "2", "-n", "w1@cli", "-E"], env);
  await worker.line("worker.ready");
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A command that goes on until it is told to stop. */
class Listening implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly #look = new Set<() => void>();

  constructor(args: readonly string[]) {
    const stdio = ["ignore", "pipe", "inherit"] as const;
    this.child = spawn(process.execPath, [main, ...args, "-A", appFile], {
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env },
      stdio: [...stdio],
    });
    if (this.child.stdout === null) throw new Error("no stdout");
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.lines.push(line);
      for (const look of this.#look) look();
    });
  }

  line(fits: (line: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.lines.find(fits);
        if (found === undefined) return;
        this.#look.delete(look);
        resolve(found);
      };
      this.#look.add(look);
      look();
    });
  }

  async stop(): Promise<number | null> {
    const closed = once(this.child, "close") as Promise<[number | null]>;
    this.child.kill("SIGINT");
    return (await closed)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return;
    const closed = once(this.child, "close");
    this.child.kill("SIGKILL");
    await closed;
  }
}

async function call(): Promise<string> {
  const sent = await celeriac(["call", "math.add", "--args", "[40, 2]", "-A", appFile], env);
  expect(sent.stderr).toBe("");
  return sent.stdout.trim();
}

describe("celeriac events", () => {
  test("--follow prints what happens, a line each, until it is told to stop", async () => {
    await using text = new Listening(["events", "--follow"]);
    await using json = new Listening(["events", "--follow", "--json", "--types", "task-succeeded,worker-*"]);
    // Both hear by now.
    await text.line((line) => line.includes("worker-heartbeat"));
    await json.line((line) => line.includes("worker-heartbeat"));
    const id = await call();
    const line = await json.line((each) => each.includes(id));
    expect(JSON.parse(line)).toMatchObject({ type: "task-succeeded", uuid: id, result: "42", hostname: "w1@cli" });
    expect(await text.line((each) => each.includes("task-received") && each.includes(id))).toContain(
      `math.add  ${id}  w1@cli  args=(40, 2)`,
    );
    await text.line((each) => each.includes("task-succeeded") && each.includes(id));
    expect(json.lines.some((each) => each.includes("task-received"))).toBe(false);
    expect(await text.stop()).toBe(0);
    expect(await json.stop()).toBe(0);
  });

  test("without it listens for a while", async () => {
    const heard = await celeriac(["events", "--for", "12s", "--types", "worker-heartbeat", "-A", appFile], env);
    expect(heard).toMatchObject({ code: 0, stderr: "" });
    expect(heard.stdout).toContain("worker-heartbeat");
    expect(heard.stdout).toContain("w1@cli");
  });

  test("refuses what contradicts itself", async () => {
    const wrong = await celeriac(["events", "--follow", "--for", "1s", "-A", appFile], env);
    expect(wrong.code).toBe(2);
  });
});

describe("celeriac top", () => {
  test("--once shows who is there", async () => {
    const top = await celeriac(["top", "--once", "-A", appFile], env);
    expect(top).toMatchObject({ code: 0, stderr: "" });
    expect(top.stdout).toMatch(/^celeriac top {2}sqlite:/);
    expect(top.stdout).toMatch(/received [\d.?]+/);
    expect(top.stdout).toContain("running task");
  });

  test("--once --json for scripts", async () => {
    const top = await celeriac(["top", "--once", "--json", "-A", appFile], env);
    expect(JSON.parse(top.stdout)).toMatchObject({ counts: { failed: 0 }, running: [], missed: 0 });
  });
});
