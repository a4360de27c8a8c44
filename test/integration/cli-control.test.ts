/** Asking and telling workers from the command line: real processes, on a database file of their own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { celeriac, type Finished, WorkerProcess } from "../server/command-line.ts";

const appFile = fileURLToPath(new URL("./cli/app.ts", import.meta.url));
const node = "cook@kitchen";

let folder: string;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "celeriac-control-"));
  url = `sqlite:${join(folder, "queue.db")}`;
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const env = (): Record<string, string> => ({ CLI_TEST_BROKER: url, CELERIAC_BROKER: url });
const run = (...args: string[]): Promise<Finished> => celeriac(args, env());
const json = ({ stdout, stderr }: Finished): unknown => {
  if (stdout === "") throw new Error(`nothing on stdout: ${stderr}`);
  return JSON.parse(stdout);
};
const asked = ["-d", node, "-t", "20s"] as const;

test("asks and steers a worker, and ends it", async () => {
  await using worker = new WorkerProcess(["-A", appFile, "--pool", "inline", "-c", "2", "-n", node], env());
  await worker.line("worker.ready");
  const [workers, ping, registered, grown, wrong] = await Promise.all([
    run("workers", ...asked, "--json"),
    run("inspect", "ping", ...asked),
    run("inspect", "registered", ...asked, "--json"),
    run("control", "pool-grow", "3", ...asked),
    run("control", "rate_limit", "nobody", "1/s", ...asked),
  ]);
  expect(json(workers)).toMatchObject([
    { name: node, kind: "celeriac", pid: worker.child.pid, pool: "inline", active: 0, queues: ["celery"] },
  ]);
  expect(ping).toMatchObject({ code: 0, stdout: `${node}: OK\n    pong\n1 worker answered\n` });
  expect(json(registered)).toEqual({ [node]: expect.arrayContaining(["math.add"]) });
  expect(grown).toMatchObject({ code: 0, stdout: expect.stringContaining("pool will grow") });
  expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining("unknown task") });

  const [unsure, told] = [
    await run("control", "shutdown", ...asked),
    await run("control", "shutdown", ...asked, "--yes"),
  ];
  expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining(node) });
  expect(told).toMatchObject({ code: 0, stdout: `told ${node} to end\n` });
  expect(await worker.exited).toBe(0);
});

test("revokes what waits, for a worker that comes later", async () => {
  const call = await run("call", "math.add", "--args", "[1, 2]", "-A", appFile);
  const id = call.stdout.trim();
  const [revoked, nothing, signal, silent, unknown] = await Promise.all([
    run("revoke", id, "--stamp", "tenant=t1", "--reason", "a mistake", "--json"),
    run("revoke"),
    run("revoke", id, "--signal", "HUP"),
    run("inspect", "ping", "-t", "100ms"),
    run("inspect", "nosuch"),
  ]);
  expect(json(revoked)).toEqual({ revoked: [id], stamps: { tenant: "t1" }, terminate: false, lasting: true });
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining("--stamp") });
  expect(signal).toMatchObject({ code: 2, stderr: expect.stringContaining("SIGKILL") });
  expect(silent).toMatchObject({ code: 1, stderr: expect.stringContaining("NO_WORKER_ANSWERED: ") });
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("query_task") });
  await using worker = new WorkerProcess(["-A", appFile, "--pool", "inline", "-n", node], env());
  expect(await worker.line("task.revoked")).toMatchObject({ id });
  expect(json(await run("result", id, "--json"))).toMatchObject({ state: "REVOKED" });
});
