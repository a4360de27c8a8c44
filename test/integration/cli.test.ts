/** The command line as its users have it: real processes, run from source, on a database file of their own. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { celeriac, type Finished, WorkerProcess } from "../server/command-line.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const appFile = fileURLToPath(new URL("./cli/app.ts", import.meta.url));
const emptyFile = fileURLToPath(new URL("./cli/empty-app.ts", import.meta.url));

let folder: string;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-cli-"));
  url = `sqlite:${join(folder, "queue.db")}`;
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const env = (): Record<string, string> => ({ CLI_TEST_BROKER: url, CELERIAC_BROKER: "" });
const run = (...args: string[]): Promise<Finished> => celeriac(args, env());
const work = (...args: string[]): WorkerProcess =>
  new WorkerProcess(["-A", appFile, "--processes", "1", "-c", "2", ...args], env());
const json = (finished: Finished): unknown => {
  if (finished.stdout === "") throw new Error(`nothing on stdout: ${finished.stderr}`);
  return JSON.parse(finished.stdout);
};
/** Sends a task and answers with its id. */
const call = async (...args: string[]): Promise<string> => {
  const sent = await run("call", ...args, "-A", appFile);
  expect(sent.stderr).toBe("");
  return sent.stdout.trim();
};

describe("celeriac worker", () => {
  test("runs what is called, tells of it in JSON lines, and stops on SIGTERM", async () => {
    await using worker = work("-Q", "celery,loud");
    const ready = await worker.line("worker.ready");
    expect(ready).toMatchObject({
      pid: worker.child.pid,
      pool: "process",
      queues: ["celery", "loud"],
      concurrency: 2,
      children: [expect.any(Number)],
    });
    const called = await run("call", "math.add", "--args", "[40, 2]", "-A", appFile, "--timeout", "100s", "--json");
    expect(json(called)).toMatchObject({ state: "SUCCESS", result: 42 });
    expect(called.code).toBe(0);
    const { id } = json(called) as { id: string };
    const ended = await worker.line("task.succeeded", (line) => line["id"] === id);
    expect(ended).toMatchObject({ task: "math.add", queue: "celery", attempt: 1, ms: expect.any(Number) });
    expect(worker.lines.some((line) => line.event === "task.started" && line["id"] === id)).toBe(true);

    const shouted = await run("call", "text.shout", "--kwargs", '{"text":"hi"}', "-A", appFile, "--timeout", "100s");
    expect(shouted.stdout).toBe('SUCCESS  "HI"\n');
    expect(await worker.line("task.log")).toMatchObject({ level: 30, msg: "shouting", fields: { letters: 2 } });

    expect(await worker.stop()).toBe(0);
    expect(worker.lines.at(-1)?.event).toBe("worker.stopped");
  });

  test.each(["thread", "inline"])("runs tasks in the %s pool too", async (pool) => {
    await using worker = work("--pool", pool);
    expect(await worker.line("worker.ready")).toMatchObject({ pool });
    const called = await run("call", "math.add", "--args", "[1, 2]", "-A", appFile, "--timeout", "100s");
    expect(called.stdout).toBe("SUCCESS  3\n");
    expect(await worker.stop("SIGINT")).toBe(0);
  });

  test("lets a running task end when it is told to stop", async () => {
    await using worker = work();
    await worker.line("worker.ready");
    const gate = join(folder, "gate");
    const id = await call("gate.wait", "--kwargs", JSON.stringify({ file: gate }));
    await worker.line("task.started");
    worker.child.kill("SIGTERM");
    await worker.line("worker.stopping");
    await writeFile(gate, "");
    expect(await worker.exited).toBe(0);
    expect(json(await run("result", id, "-A", appFile, "--json"))).toMatchObject({ state: "SUCCESS", result: "open" });
  });

  test("gives a running task back at once when it is told twice, and says so with its exit code", async () => {
    await using worker = work();
    await worker.line("worker.ready");
    await call("gate.wait", "--kwargs", JSON.stringify({ file: join(folder, "never") }));
    await worker.line("task.started");
    worker.child.kill("SIGTERM");
    await worker.line("worker.stopping");
    worker.child.kill("SIGTERM");
    expect(await worker.exited).toBe(143);
    expect(json(await run("queues", "--broker", url, "--json"))).toMatchObject([
      { name: "celery", ready: 1, leased: 0 },
    ]);
  });

  test("refuses to start without tasks, without an app, and with one that throws", async () => {
    expect(await run("worker", "-A", emptyFile)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("NO_TASKS: "),
    });
    const missing = await run("worker", "-A", join(folder, "app.ts"));
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("APP_NOT_FOUND: there is no file ") });
    expect(missing.stderr).toContain("help: docs/errors.md#app_not_found");

    const broken = join(folder, "broken.ts");
    await writeFile(broken, 'throw new Error("no database");\nexport {};\n');
    const threw = await run("worker", "-A", broken);
    expect(threw.stderr).toMatch(/^APP_LOAD_FAILED: .*broken\.ts threw while it was imported: Error: no database/);

    const enumerated = join(folder, "enumerated.ts");
    await writeFile(enumerated, "export enum Colour { red }\n");
    expect((await run("worker", "-A", enumerated)).stderr).toMatch(/^APP_LOAD_FAILED: [^]*replace enum/);

    const bare = join(folder, "bare.ts");
    await writeFile(bare, "export const app = 1;\n");
    expect((await run("worker", "-A", bare)).stderr).toMatch(/^APP_NOT_FOUND: .*exports no app/);
  });
});

describe("celeriac call and result", () => {
  test("send any name to a bare URL, once for each id", async () => {
    const first = await run("call", "python.task", "--id", "one", "--broker", url, "--json");
    expect(json(first)).toEqual({ id: "one", duplicate: false });
    const second = await run("call", "python.task", "--id", "one", "--broker", url, "--json");
    expect(json(second)).toEqual({ id: "one", duplicate: true });
    expect(await run("result", "one", "--broker", url, "--json")).toMatchObject({ code: 4 });
    expect(await run("result", "one", "--broker", url, "--timeout", "50ms", "--json")).toMatchObject({ code: 4 });
  });

  test("refuse with an app what its tasks would refuse", async () => {
    const arity = await run("call", "math.add", "--args", "[1, 2, 3]", "-A", appFile);
    expect(arity).toMatchObject({ code: 1, stderr: expect.stringContaining("INPUT_ARITY: ") });
    const name = await run("call", "math.ad", "-A", appFile, "--json");
    expect(JSON.parse(name.stderr)).toMatchObject({
      error: {
        code: "TASK_UNKNOWN",
        message: expect.stringContaining("math.add"),
        help: "docs/errors.md#task_unknown",
      },
    });
    expect(json(await run("queues", "-A", appFile, "--json"))).toEqual([]);
  });

  test("tell a failed task by the exit code, and show its error without obeying it", async () => {
    await using worker = work();
    await worker.line("worker.ready");
    const failed = await run("call", "math.fail", "-A", appFile, "--timeout", "100s", "--json");
    expect(failed.code).toBe(3);
    const { id, ...outcome } = json(failed) as { id: string };
    expect(outcome).toMatchObject({
      state: "FAILURE",
      error: { type: "RangeError", message: "out of \u001b[31mrange" },
    });
    expect(failed.stdout).not.toContain("\u001b");
    const shown = await run("result", id, "--broker", url);
    expect(shown).toMatchObject({ code: 3, stdout: expect.stringContaining("RangeError: out of \\u{1b}[31mrange") });
    expect(shown.stdout).not.toContain("\u001b");
  });

  test("are used wrongly with exit code 2", async () => {
    for (const args of [
      ["call", "x"],
      ["call", "x", "--broker", url, "-A", appFile],
      ["call", "x", "--broker", url, "--args", "{}"],
      ["call", "x", "--broker", url, "--kwargs", "nonsense"],
      ["call", "x", "--broker", url, "--priority", "high"],
      ["result"],
      ["nonsense"],
    ]) {
      expect(await run(...args), args.join(" ")).toMatchObject({ code: 2, stdout: "" });
    }
  });

  test("name a wrong URL without its password", async () => {
    const wrong = await run("queues", "--broker", "rabbit://user:hunter2@host");
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("BROKER_URL_INVALID: ") });
    expect(wrong.stderr).not.toContain("hunter2");
  });
});

describe("celeriac queues, purge and status", () => {
  test("count what waits, and drop it only when that is meant", async () => {
    await call("math.add", "--args", "[1, 2]");
    await call("math.add", "--args", "[1, 2]", "--delay", "1h");
    const queues = json(await run("queues", "--broker", url, "--json"));
    expect(queues).toMatchObject([{ name: "celery", ready: 1, delayed: 1, leased: 0, paused: false }]);
    expect((await run("queues", "--broker", url)).stdout).toMatch(/^queue .*\ncelery +1 +1 +0 /);

    const unsure = await run("purge", "celery", "--broker", url);
    expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
    expect(json(await run("purge", "celery", "--broker", url, "--yes", "--json"))).toEqual({
      queue: "celery",
      dropped: 1,
    });
    const rest = await run("purge", "celery", "--delayed", "--broker", url, "--yes");
    expect(rest.stdout).toContain("dropped 1 messages");
  });

  test("show who holds tasks", async () => {
    await using worker = work("-n", "cook@%h");
    await worker.line("worker.ready");
    await call("gate.wait", "--kwargs", JSON.stringify({ file: join(folder, "never") }));
    await worker.line("task.started");
    const status = json(await run("status", "-A", appFile, "--json"));
    expect(status).toMatchObject({
      broker: url,
      queues: [{ name: "celery", leased: 1 }],
      workers: [{ worker: expect.stringContaining("cook@"), leased: 1 }],
      deadLetters: { total: 0 },
    });
    expect((await run("status", "--broker", url)).stdout).toMatch(/^broker {2}sqlite:[^]*cook@[^]*dead letters {2}0/);
  });
});

describe("celeriac dlq", () => {
  test("lists, shows, redrives and drops", async () => {
    const id = await call("order.reject", "--kwargs", '{"number":7}');
    {
      await using worker = work();
      await worker.line("task.dead", (line) => line["id"] === id);
      await worker.stop();
    }
    const listed = json(await run("dlq", "list", "--broker", url, "--json")) as { letters: { key: string }[] };
    expect(listed).toMatchObject({
      letters: [{ id, task: "order.reject", queue: "celery", reason: "rejected" }],
      next: null,
    });
    expect(await run("dlq", "list", "--broker", url, "--reason", "crashed")).toMatchObject({
      stdout: "no dead letters\n",
    });
    const shown = await run("dlq", "show", id, "--broker", url);
    expect(shown.stdout).toMatch(/reason +rejected[^]*not ours[^]*\{"number":7\}/);

    expect(await run("dlq", "redrive", "--broker", url)).toMatchObject({ code: 2 });
    expect(await run("dlq", "redrive", "--all-matching", "--broker", url)).toMatchObject({ code: 2 });
    expect(await run("dlq", "drop", "nobody", "--broker", url)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("DEAD_LETTER_UNKNOWN: "),
    });
    expect(json(await run("dlq", "redrive", id, "--broker", url, "--json"))).toEqual({ redriven: 1 });
    {
      await using worker = work();
      await worker.line("task.dead", (line) => line["id"] === id);
      await worker.stop();
    }
    const dropped = await run(
      "dlq",
      "drop",
      "--all-matching",
      "--task",
      "order.reject",
      "--yes",
      "--broker",
      url,
      "--json",
    );
    expect(json(dropped)).toEqual({ dropped: 1 });
  });
});

describe("celeriac doctor", () => {
  test("finds nothing wrong with a sound set-up", async () => {
    const finished = await run("doctor", "-A", appFile, "--json");
    expect(finished.code).toBe(0);
    const { ok, findings } = json(finished) as {
      ok: boolean;
      findings: { subject: string; verdict: string; text: string }[];
    };
    expect(ok).toBe(true);
    const subjects = ["node", "url", "sqlite", "tasks", "broker", "clock", "queues", "dead letters"];
    expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(subjects));
    expect(findings.find(({ subject }) => subject === "tasks")?.text).toContain("math.add");
  });

  test("says what fails, and keeps the password to itself", async () => {
    const finished = await run("doctor", "--broker", "redis://user:hunter2@127.0.0.1:1/0");
    expect(finished.code).toBe(1);
    expect(finished.stdout).toMatch(/FAILED {3}broker +BACKEND_UNREACHABLE: /);
    expect(finished.stdout + finished.stderr).not.toContain("hunter2");
  });
});

describeWith("redis-server", "celeriac on Redis", () => {
  test("does the same, and says what the server may lose", async () => {
    await using server = await startRedis();
    url = server.url;
    await using worker = work();
    expect(await worker.line("warning")).toMatchObject({ code: "NOT_DURABLE" });
    await worker.line("worker.ready");
    const called = await run("call", "math.add", "--args", "[1, 2]", "-A", appFile, "--timeout", "100s");
    expect(called.stdout).toBe("SUCCESS  3\n");
    const doctor = await run("doctor", "--broker", url);
    expect(doctor).toMatchObject({ code: 0, stdout: expect.stringMatching(/warning {2}broker +NOT_DURABLE: /) });
    expect(await worker.stop()).toBe(0);
  });
});

describe.runIf(process.getuid?.() === 0)("a process that is root's", () => {
  const asRoot = (): Record<string, string> => ({ ...env(), CELERIAC_ALLOW_ROOT: "" });

  test("says so once as a worker, and to the doctor", async () => {
    await using worker = new WorkerProcess(["-A", appFile, "--processes", "1"], asRoot());
    await worker.line("worker.ready");
    expect(worker.lines.filter(({ event }) => event === "warning")).toMatchObject([
      { code: "ROOT_USER", msg: expect.stringContaining("CELERIAC_ALLOW_ROOT=1") },
    ]);
    const { stdout } = await celeriac(["doctor", "--production", "-A", appFile, "--json"], asRoot());
    const { findings } = JSON.parse(stdout) as { findings: { subject: string; verdict: string }[] };
    expect(findings.filter(({ subject }) => subject === "user")).toMatchObject([{ verdict: "warning" }]);
  });

  test("says nothing where the environment has it that root is meant", async () => {
    await using worker = work();
    await worker.line("worker.ready");
    expect(worker.lines.filter(({ event }) => event === "warning")).toEqual([]);
  });
});

/** How soon it is there is measured by `npm run bench -- startup`. */
describe("celeriac --help", () => {
  test("names the commands and the exit codes", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const word of ["worker", "call", "types", "doctor", "Exit codes:"]) expect(stdout).toContain(word);
  });
});
