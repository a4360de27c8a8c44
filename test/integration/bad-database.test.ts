/** Database files that cannot be a queue: each is refused with a code and left as it was; a full disk loses nothing that was accepted. */

import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp, type Duration } from "../../src/index.ts";
import { celeriac } from "../server/command-line.ts";
import { Rig } from "./rig/rig.ts";

const soon = { timeout: "60s" } as const;
let folder: string;
const apps: App[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-file-"));
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(path: string, query = "", publishTimeout: Duration = "60s"): App {
  const app = createApp({ name: "host", broker: `sqlite:${path}${query}`, publishTimeout });
  apps.push(app);
  return app;
}
const declare = (app: App) => app.task("t", ({ text }: { text: string }) => text.length);

/** Producer, worker and command line all meet the same code. */
async function refused(path: string, code: string, publishTimeout?: Duration): Promise<void> {
  const app = open(path, "", publishTimeout);
  const task = declare(app);
  const about = { code, message: expect.stringContaining(dirname(path)) };
  await expect(task.delay({ text: "" })).rejects.toMatchObject(about);
  await expect(app.work({ pool: "inline" })).rejects.toMatchObject(about);
  const shown = await celeriac(["queues", "--broker", `sqlite:${path}`]);
  expect(shown).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(`${code}: `) });
}

describe("a database file", () => {
  it("of another program is refused and left as it was", async () => {
    const path = join(folder, "shop.db");
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (7)");
    db.close();
    const before = readFileSync(path);
    await refused(path, "DATABASE_FOREIGN");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("that is none, or a directory, is refused and left as it was", async () => {
    const path = join(folder, "notes.txt");
    writeFileSync(path, "not a database, but longer than the header of one would be\n".repeat(20));
    const before = readFileSync(path);
    await refused(path, "DATABASE_FOREIGN");
    expect(readFileSync(path).equals(before)).toBe(true);
    mkdirSync(join(folder, "queue.db"));
    await refused(join(folder, "queue.db"), "DATABASE_FOREIGN");
  });

  it("in a directory that does not exist is refused", async () => {
    await refused(join(folder, "nowhere", "queue.db"), "BACKEND_UNREACHABLE", "5s");
  });

  it("that another program has locked is waited for, by as many workers as there are", async () => {
    const path = join(folder, "queue.db");
    const locker = new DatabaseSync(path);
    locker.exec("BEGIN EXCLUSIVE");
    await using rig = new Rig(`sqlite:${path}`, mkdtempSync(join(folder, "stage-")));
    const workers = [1, 2, 3].map(() => rig.start());
    const sending = rig.send<number>("whoami");
    // Long enough for all of them to have met the lock; one that gave up at once would end, and its line never come.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    locker.exec("ROLLBACK");
    locker.close();
    await Promise.all(workers.map((worker) => worker.line("worker.ready")));
    expect(await (await sending).get(soon)).toBeGreaterThan(0);
  });

  it("that is locked is waited for without a thread too: the process does not end under its callers", async () => {
    const path = join(folder, "queue.db");
    const script = join(folder, "unthreaded.ts");
    await writeFile(
      script,
      `import { DatabaseSync } from "node:sqlite";
      import { createApp } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      const app = createApp({ broker: ${JSON.stringify(`sqlite:${path}?thread=false`)}, publishTimeout: "300ms" });
      const task = app.task("t", () => 1);
      await task.enqueue(undefined, { timeout: "60s" });
      const locker = new DatabaseSync(${JSON.stringify(path)});
      locker.exec("BEGIN IMMEDIATE");
      await task.delay().catch((error) => console.log(error.code));
      locker.close();
      await app.close();
      console.log("closed");`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, ["--disable-warning=ExperimentalWarning", script]);
    expect(stdout).toMatch(/^(?:PUBLISH_UNKNOWN|DATABASE_BUSY)\nclosed\n$/);
  });

  it("that stays locked ends a call at its deadline, and goes on when it is free", async () => {
    const path = join(folder, "queue.db");
    const app = open(path);
    const task = declare(app);
    await task.delay({ text: "first" });
    const locker = new DatabaseSync(path);
    locker.exec("BEGIN IMMEDIATE");
    const error: unknown = await task.enqueue({ text: "" }, { timeout: "700ms" }).catch((failed: unknown) => failed);
    expect(error).toMatchObject({
      code: expect.stringMatching(/^(?:PUBLISH_UNKNOWN|BACKEND_UNREACHABLE|DATABASE_BUSY)$/),
    });
    locker.exec("ROLLBACK");
    locker.close();
    expect((await task.enqueue({ text: "" }, { timeout: "60s" })).duplicate).toBe(false);
  });
});

const root = process.getuid?.() === 0;
if (!root) console.warn("not root: the tests on a read-only and on a full disk are skipped");

describe.runIf(root)("a database file on a disk", () => {
  const mounts: string[] = [];
  const mount = (size: string): string => {
    const directory = mkdtempSync(join(tmpdir(), "celeriac-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
    mounts.push(directory);
    return directory;
  };
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    for (const directory of mounts.splice(0)) {
      execFileSync("umount", ["-l", directory]);
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("that is read-only is refused, and nothing of it is lost", async () => {
    const directory = mount("20m");
    const path = join(directory, "queue.db");
    const first = open(path);
    const sent = await declare(first).delay({ text: "kept" });
    await first.close();
    execFileSync("mount", ["-o", "remount,ro", directory]);
    await refused(path, "DATABASE_READ_ONLY");
    execFileSync("mount", ["-o", "remount,rw", directory]);
    const again = open(path);
    declare(again);
    await again.work({ pool: "inline" });
    expect(await again.result(sent.id).get(soon)).toBe(4);
  });

  it("that is full takes nothing new, says so, and finishes what it has", async () => {
    const app = open(join(mount("24m"), "queue.db"));
    const task = declare(app);
    const accepted: string[] = [];
    const text = "x".repeat(200_000);
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 1000; n++) accepted.push((await task.delay({ text })).id);
    };
    await expect(fill()).rejects.toMatchObject({ code: "DATABASE_FULL" });
    expect(accepted.length).toBeGreaterThan(10);
    await app.work({ pool: "inline", lease: "60s" });
    const lengths = await Promise.all(accepted.map((id) => app.result(id).get(soon)));
    expect(new Set(lengths)).toEqual(new Set([text.length]));
    // Room again: the next one is taken.
    const next = async (): Promise<string | undefined> => (await task.delay({ text: "" }).catch(() => undefined))?.id;
    await expect.poll(next, { timeout: 60_000 }).toBeDefined();
  });
});
