/** `celeriac dashboard` as its users have it: a real process on a database file of its own. */

import { spawnSync } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashPassword, verifyPassword } from "../../src/dashboard/access/password.ts";
import { celeriac, WorkerProcess } from "../server/command-line.ts";

let folder: string;
let args: readonly string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-dashboard-"));
  const broker = `sqlite:${join(folder, "queue.db")}`;
  args = ["--broker", broker, "--history", join(folder, "past/history.db"), "--port", "0"];
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const login = (pair: string): RequestInit => ({
  headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` },
});

test("serves this machine, keeps what happened in files that nobody else can read, and ends at a signal", async () => {
  await using page = new WorkerProcess([...args, "--environment", "test"], {}, "dashboard");
  const { url, login: asked } = await page.line("dashboard.ready");
  expect(asked).toBe(false);
  expect(await (await fetch(`${String(url)}api/session`)).json()).toMatchObject({ user: null, environment: "test" });
  expect((await fetch(String(url), { headers: { accept: "text/html" } })).status).toBe(200);
  for (const file of ["history.db", "history-audit.db"]) {
    expect((await stat(join(folder, "past", file))).mode & 0o077, file).toBe(0);
  }
  expect(await page.stop()).toBe(0);
});

// It held 380 MB at a million tasks an hour, of which the young generation was 100 with nothing in it.
test("its young generation stays as small as it began, whatever survives a collection", async () => {
  const look = join(folder, "look.mjs");
  await writeFile(
    look,
    `import { getHeapSpaceStatistics } from "node:v8";
     process.on("SIGUSR2", () => {
       const kept = Array.from({ length: 2_000_000 }, (_, at) => ({ at }));
       const { space_size: size } = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space");
       console.log(JSON.stringify({ event: "looked", size, kept: kept.length }));
     });`,
  );
  await using page = new WorkerProcess(args, { NODE_OPTIONS: `--import ${pathToFileURL(look).href}` }, "dashboard");
  await page.line("dashboard.ready");
  page.child.kill("SIGUSR2");
  const { size } = await page.line("looked");
  // Two halves of a MB where it begins; 64 MB, or 128, where it grows.
  expect(size).toBeLessThanOrEqual(4 * 2 ** 20);
});

test("other machines are served with a login only", async () => {
  const refused = await celeriac(["dashboard", ...args, "--host", "0.0.0.0"]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("LOGIN_MISSING") });
  const nobody = await celeriac(["dashboard", ...args, "--user", "ann:admin", "--user", "bob:view"]);
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining("--users FILE") });
  const users = join(folder, "users.json");
  await writeFile(
    users,
    JSON.stringify([{ name: "bob", role: "view", password: await hashPassword("bob's word", 10) }]),
  );
  const env = { CELERIAC_DASHBOARD_PASSWORD: "ann's word" };
  const options = ["--host", "0.0.0.0", "--user", "ann:admin", "--users", users, "--read-only"];
  await using page = new WorkerProcess([...args, ...options], env, "dashboard");
  const url = String((await page.line("dashboard.ready"))["url"]).replace("0.0.0.0", "127.0.0.1");
  expect((await fetch(`${url}api/session`)).status).toBe(401);
  for (const [pair, role] of [
    ["ann:ann's word", "admin"],
    ["bob:bob's word", "view"],
  ] as const) {
    const session = await (await fetch(`${url}api/session`, login(pair))).json();
    expect(session).toMatchObject({ user: { role }, readOnly: true, may: [] });
  }
});

test("prints the hash of a password that comes from a pipe, and asks for a longer one", async () => {
  const main = join(import.meta.dirname, "../../src/cli/main.ts");
  const hash = (input: string) =>
    spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", main, "dashboard", "hash"], { input });
  const good = hash("long enough\n");
  expect(await verifyPassword("long enough", good.stdout.toString().trim())).toBe(true);
  expect(await verifyPassword("long enougH", good.stdout.toString().trim())).toBe(false);
  expect(hash("short\n").status).toBe(2);
  expect(hash("").status).toBe(2);
});
