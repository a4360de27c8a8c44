/** Apps that a worker cannot work for: refused at the start, with a code and the line to look at, before anything is claimed. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp } from "../../src/index.ts";
import { celeriac } from "../server/command-line.ts";

const library = new URL("../../src/index.ts", import.meta.url).href;
let folder: string;
let url: string;
let client: App;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-app-"));
  url = `sqlite:${join(folder, "queue.db")}`;
  client = createApp({ name: "producer", broker: url });
});
afterEach(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

/** A module of an app on this broker; `tasks` lies beside it. */
async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  const app = `import { createApp } from ${JSON.stringify(library)};\nconst broker = ${JSON.stringify(url)};\n`;
  await writeFile(path, name.startsWith("tasks") ? text : app + text);
  return path;
}

/** Sends a task, lets the worker of this app fail to start, and sees that the task is still there. */
async function workerFails(path: string, code: string, ...texts: readonly string[]): Promise<void> {
  await coreOf(client).send([{ task: "t", args: [], kwargs: {}, options: {} }]);
  const finished = await celeriac(["worker", "-A", path, "--processes", "1"]);
  expect(finished).toMatchObject({ code: 1, stderr: expect.stringContaining(`${code}: `) });
  for (const text of texts) expect(finished.stderr).toContain(text);
  const [queue] = await client.queues.list();
  expect([queue?.ready.map(({ count }) => count), queue?.leased]).toEqual([[1], 0]);
}

describe("a worker does not start for an app", () => {
  it("that declares no task", async () => {
    const path = await write("app.ts", `export const app = createApp({ broker });\n`);
    await workerFails(path, "NO_TASKS", "declares no task");
  });

  it("that declares only tasks which others run", async () => {
    const path = await write("app.ts", `export const app = createApp({ broker });\napp.remote("t");\n`);
    await workerFails(path, "NO_TASKS");
  });

  it("that declares one name twice, in one module or in two", async () => {
    const once = await write(
      "app.ts",
      `export const app = createApp({ broker });\napp.task("t", () => 1);\napp.task("t", () => 2);\n`,
    );
    await workerFails(once, "TASK_DUPLICATE", '"t"');
    await client.queues.purge("celery", { ready: true, delayed: true });
    await write("tasks-a.ts", `import { app } from "./two.ts";\napp.task("t", () => 1);\n`);
    await write("tasks-b.ts", `import { app } from "./two.ts";\napp.task("t", () => 2);\n`);
    const twice = await write(
      "two.ts",
      `export const app = createApp({ broker, tasks: () => [import("./tasks-a.ts"), import("./tasks-b.ts")] });\n`,
    );
    await workerFails(twice, "TASK_DUPLICATE", '"t"');
  });

  it("whose module throws on import, or one of its task modules", async () => {
    const path = await write("app.ts", `throw new RangeError("no configuration");\n`);
    await workerFails(path, "APP_LOAD_FAILED", "RangeError: no configuration", "app.ts:3");
    await client.queues.purge("celery", { ready: true, delayed: true });
    await write("tasks.ts", `throw new RangeError("no key for the mailer");\n`);
    const outer = await write(
      "outer.ts",
      `export const app = createApp({ broker, tasks: () => [import("./tasks.ts")] });\n`,
    );
    await workerFails(outer, "APP_LOAD_FAILED", "RangeError: no key for the mailer");
  });

  it("that throws in the children alone", async () => {
    const path = await write(
      "app.ts",
      `if (process.env.CELERIAC_ROLE === "child") throw new RangeError("no HOME here");\n` +
        `export const app = createApp({ broker });\napp.task("t", () => 1);\n`,
    );
    await workerFails(path, "APP_LOAD_FAILED", "RangeError: no HOME here");
  });

  it("whose children declare other tasks than the worker", async () => {
    const path = await write(
      "app.ts",
      `export const app = createApp({ broker });\n` +
        `app.task("t", () => 1);\nif (process.env.CELERIAC_ROLE !== "child") app.task("only.here", () => 1);\n`,
    );
    await workerFails(path, "TASKS_DIFFER", "only.here");
  });
});

test("a duplicate name is refused where it is declared, with the name", () => {
  client.task("t", () => 1);
  expect(() => client.task("t", () => 2)).toThrow(
    expect.objectContaining({ code: "TASK_DUPLICATE", message: expect.stringContaining('"t"') }),
  );
});

test("a producer of an app whose task modules throw sends all the same: it does not load them", async () => {
  await write("tasks.ts", `throw new Error("not for producers");\n`);
  const path = await write(
    "app.ts",
    `export const app = createApp({ broker, tasks: () => [import("./tasks.ts")] });\nexport const t = app.remote("t");\n`,
  );
  const module = (await import(pathToFileURL(path).href)) as { app: App; t: { delay(): Promise<{ id: string }> } };
  try {
    expect((await module.t.delay()).id).toEqual(expect.any(String));
  } finally {
    await module.app.close();
  }
});
