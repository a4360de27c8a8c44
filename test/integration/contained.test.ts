/** What a task does to its own process stays there: neighbours finish, the worker goes on, and the culprit is accounted for. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TaskFailedError } from "../../src/index.ts";
import { describeOnServers, lives, patience, Rig } from "./rig/rig.ts";

const soon = { timeout: "60s" } as const;

/** Runs the culprit between neighbours that hold still, in a worker of two children, and lets these end afterwards. */
async function amongNeighbours(
  rig: Rig,
  culprit: string,
  input: Record<string, unknown> = {},
): Promise<{ readonly id: string; readonly error: TaskFailedError }> {
  const neighbours = await Promise.all([1, 2, 3].map(() => rig.send<{ pid: number }>("hold")));
  for (const { id } of neighbours) await rig.entry({ id });
  const sent = await rig.send(culprit, input);
  const error = (await sent.get(soon).catch((failed: unknown) => failed)) as TaskFailedError;
  expect(error).toMatchObject({ code: "TASK_FAILED" });
  rig.open("all");
  const results = await Promise.all(neighbours.map((neighbour) => neighbour.get(soon)));
  expect(results.map(({ pid }) => typeof pid)).toEqual(["number", "number", "number"]);
  // No neighbour lost a try, and none was buried.
  for (const { id } of neighbours) {
    expect(new Set(rig.entries({ id }).map(({ attempt }) => attempt))).toEqual(new Set([1]));
  }
  await rig.drained();
  return { id: sent.id, error };
}

const crowd = ["--processes", "2", "-c", "4"] as const;

describeOnServers("a task of the process pool", (open) => {
  test("that exits is run alone, then dead-lettered with exit code and last words", async () => {
    await using rig = await open();
    const worker = await rig.worker(...crowd);
    const { id, error } = await amongNeighbours(rig, "exit", { code: 7 });
    expect(error).toMatchObject({ dead: true, type: "WorkerLostError" });
    const [letter, ...others] = await rig.letters(1);
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ id, task: "exit", queue: "celery", reason: "crashed" });
    const exit = { exit: { code: 7, signal: null }, stderrTail: expect.stringContaining("the last words") };
    // Once among others, for which it is only suspected, then alone as often as it may.
    expect(letter?.attempts).toMatchObject([exit, exit, exit]);
    expect(letter?.attempts.at(-1)?.pid).toBe(rig.entries({ id }).at(-1)?.pid);
    expect(new TextDecoder().decode(letter?.raw)).toContain('\\"code\\":7');
    await worker.line("task.dead", (line) => line["id"] === id);
  });

  test("that goes round for ever is ended at its time limit; who shared its process is run again", async () => {
    await using rig = await open();
    const worker = await rig.worker(...crowd);
    const { id, error } = await amongNeighbours(rig, "spin");
    expect(error).toMatchObject({ dead: false, type: "TimeLimitExceeded" });
    const [entry, ...again] = rig.entries({ id });
    expect(again).toEqual([]);
    expect(await worker.line("child.exited", ({ pid }) => pid === entry?.pid)).toMatchObject({ signal: "SIGKILL" });
    // Its failure is an answer, not an accident.
    expect(await rig.letters()).toEqual([]);
  });

  test("that fills its heap dies of it, alone", async () => {
    await using rig = await open();
    await rig.worker(...crowd, "--memory-limit", "48M");
    const { id, error } = await amongNeighbours(rig, "hog.heap");
    expect(error).toMatchObject({ dead: true, type: "WorkerLostError" });
    const [letter] = await rig.letters(1);
    expect(letter).toMatchObject({ id, reason: "crashed" });
    const last = letter?.attempts.at(-1);
    expect(last?.exit?.signal ?? String(last?.exit?.code)).toMatch(/^(?:SIG(?:ABRT|TRAP|SEGV|ILL)|134)$/);
    expect(last?.stderrTail).toContain("heap out of memory");
  });

  test("that takes memory outside of its heap is killed for it, alone", async () => {
    await using rig = await open();
    const worker = await rig.worker(...crowd, "--kill-rss", "400M");
    const { id, error } = await amongNeighbours(rig, "hog.buffers");
    expect(error).toMatchObject({ dead: true, type: "WorkerLostError" });
    const [letter] = await rig.letters(1);
    expect(letter).toMatchObject({ id, reason: "crashed" });
    expect(letter?.attempts.at(-1)?.exit).toEqual({ code: null, signal: "SIGKILL" });
    await worker.line("child.retiring", ({ code, text }) => code === "killed" && text === "memory");
  });
});

describe("a child of the process pool", () => {
  const open = async (): Promise<Rig> => {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-rig-"));
    return new Rig(`sqlite:${join(folder, "queue.db")}`, folder);
  };

  test("is replaced after its number of tasks", async () => {
    await using rig = await open();
    const worker = await rig.worker("-c", "1", "--max-tasks-per-child", "3");
    const pids: number[] = [];
    for (let n = 0; n < 7; n++) pids.push(await (await rig.send<number>("whoami")).get(soon));
    expect(pids.map((pid) => pids.indexOf(pid))).toEqual([0, 0, 0, 3, 3, 3, 6]);
    expect(await worker.line("child.retiring")).toMatchObject({ text: "max-tasks", pid: pids[0] });
    await expect.poll(() => lives(pids[0] ?? 0), { timeout: patience }).toBe(false);
    // One that came while the next child was made may have waited for it for a second, on a machine that is slow to.
    const returned = worker.lines.filter(({ event, text }) => event === "task.returned" && text !== "waited");
    expect(returned).toEqual([]);
  });

  test("is replaced when it has grown, and not in the middle of a task", async () => {
    await using rig = await open();
    const worker = await rig.worker("-c", "2", "--recycle-rss", "220M");
    const held = await rig.send<{ pid: number }>("hold");
    const { pid } = await rig.entry({ id: held.id });
    expect(await (await rig.send<number>("leak", { mebibytes: 200 })).get(soon)).toBe(pid);
    expect(await worker.line("child.retiring")).toMatchObject({ text: "memory", pid });
    const other = await (await rig.send<number>("leak", { mebibytes: 1 })).get(soon);
    expect(other).not.toBe(pid);
    rig.open("all");
    expect(await held.get(soon)).toMatchObject({ pid });
    await worker.line("child.exited", (line) => line["pid"] === pid);
    expect(worker.lines.filter(({ event }) => event === "task.returned")).toEqual([]);
  });

  test("hears of the soft limit through ctx.signal", async () => {
    await using rig = await open();
    await rig.worker();
    expect(await (await rig.send("soft", { n: 1 })).get(soon)).toBe("SOFT_TIME_LIMIT");
  });

  test("refuses arguments that do not fit before its code sees them; they lie in the dead letters", async () => {
    await using rig = await open();
    await rig.worker();
    const sent = await rig.send("pair", { left: 1 });
    await expect(sent.get(soon)).rejects.toMatchObject({
      type: "TypeError",
      dead: true,
      details: { code: "INPUT_ARITY" },
    });
    expect(await rig.letters(1)).toMatchObject([{ id: sent.id, reason: "invalid-input" }]);
    await rig.drained();
  });

  test("may answer up to a limit; a larger result fails its task alone, with a code", async () => {
    await using rig = await open();
    await rig.worker("--max-result-bytes", "64K");
    const bytes = 64 * 1024 - 2;
    const [fits, large] = await Promise.all([
      rig.send<string>("big", { bytes }),
      rig.send("big", { bytes: bytes + 1 }),
    ]);
    expect(await fits.get(soon)).toHaveLength(bytes);
    await expect(large.get(soon)).rejects.toMatchObject({
      code: "TASK_FAILED",
      message: expect.stringContaining("65537 bytes; the limit (maxResultBytes) is 65536"),
      details: { code: "RESULT_TOO_LARGE", dead: false },
    });
    await rig.drained();
  });
});
