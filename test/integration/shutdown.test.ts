/** Signals to a worker of the command line: what it held is given back untouched, and its exit code says how it ended. */

import { expect, test } from "vitest";
import { describeOnServers, lives, patience, type Rig } from "./rig/rig.ts";
import type { AsyncResult } from "../../src/index.ts";
import type { WorkerProcess } from "../server/command-line.ts";

const soon = { timeout: "60s" } as const;

interface Held {
  readonly worker: WorkerProcess;
  readonly sent: readonly AsyncResult<unknown>[];
}

/** A worker with two tasks at work and two more that wait. */
async function atWork(rig: Rig, input: Record<string, unknown>, ...flags: string[]): Promise<Held> {
  // A lease that no test waits for: what comes back, comes back because it was given.
  const worker = await rig.worker("--lease", "10m", ...flags);
  const sent = await Promise.all([1, 2, 3, 4].map(() => rig.send("hold", input)));
  await rig.entry({ k: "start" }, 2);
  return { worker, sent };
}

/** All four are in the queue again, and another worker runs them as if nothing had happened. */
async function finishedElsewhere(rig: Rig, { sent }: Held): Promise<void> {
  // RabbitMQ counts what a closed connection held a moment after it is closed.
  await expect.poll(() => rig.left(), { timeout: patience }).toEqual([4, 0, 0]);
  for (const { pid } of rig.journal) await expect.poll(() => lives(pid), { timeout: patience }).toBe(false);
  rig.open("all");
  await rig.worker();
  await Promise.all(sent.map((one) => one.get(soon)));
  expect(new Set(rig.journal.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  // Nothing was held against those that were interrupted: they run side by side, not each in a child of its own.
  const second = rig.entries({ k: "end" });
  expect(new Set(second.map(({ pid }) => pid)).size).toBe(1);
  await rig.drained();
  expect(await rig.letters()).toEqual([]);
}

describeOnServers("a worker process", (open) => {
  test("told by SIGTERM stops warmly: after the grace its tasks are told, and given back", async () => {
    await using rig = await open();
    const held = await atWork(rig, {}, "--grace", "300ms");
    expect(await held.worker.stop("SIGTERM")).toBe(0);
    expect(rig.entries({ k: "abort" }).map(({ code }) => code)).toEqual(["WORKER_CLOSED", "WORKER_CLOSED"]);
    expect(held.worker.lines.at(-1)).toMatchObject({ event: "worker.stopped" });
    await finishedElsewhere(rig, held);
  });

  test("told a second time gives back at once, and ends with the signal's code", async () => {
    await using rig = await open();
    const held = await atWork(rig, { deaf: true }, "--grace", "10m");
    held.worker.child.kill("SIGTERM");
    await held.worker.line("worker.stopping");
    // In its grace: what runs runs on, what waits is not begun.
    expect(rig.entries({ k: "start" })).toHaveLength(2);
    expect(await held.worker.stop("SIGTERM")).toBe(143);
    await finishedElsewhere(rig, held);
  });

  test("told by SIGQUIT gives back at once", async () => {
    await using rig = await open();
    const held = await atWork(rig, { deaf: true }, "--grace", "10m");
    expect(await held.worker.stop("SIGQUIT")).toBe(131);
    await finishedElsewhere(rig, held);
  });
});
