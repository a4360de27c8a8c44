/** Worker processes that are killed or stopped at work: what they held is done by others, once, and what they say later is too late. */

import { expect, test } from "vitest";
import { describeOnServers, lives, patience } from "./rig/rig.ts";

interface By {
  readonly pid: number;
  readonly fence: number;
}
const soon = { timeout: "60s" } as const;

describeOnServers("a worker", (open) => {
  test("killed in the middle of a task leaves it to another, which finishes it under the same id", async () => {
    await using rig = await open();
    const first = await rig.mortal();
    const sent = await rig.send<By>("hold");
    const before = await rig.entry({ id: sent.id });
    const second = await rig.worker();
    first.child.kill("SIGKILL");
    await first.exited;
    await expect.poll(() => lives(before.pid), { timeout: patience }).toBe(false);

    const after = await rig.entry({ id: sent.id, k: "start" }, 2);
    expect(after.fence).toBeGreaterThan(before.fence);
    // A death is not a retry: the task's own tries are left as they were.
    expect(after.attempt).toBe(1);
    expect(await sent.state()).not.toBe("SUCCESS");
    rig.open("all");
    expect(await sent.get(soon)).toEqual({ pid: after.pid, fence: after.fence });
    await second.line("task.succeeded", ({ id }) => id === sent.id);
    expect(rig.entries({ id: sent.id }).map(({ k, pid }) => [k, pid])).toEqual([
      ["start", before.pid],
      ["start", after.pid],
      ["end", after.pid],
    ]);
    await rig.drained();
    expect(await rig.letters()).toEqual([]);
  });

  test("stopped for longer than its lease cannot commit when it wakes, and tells its tasks", async () => {
    await using rig = await open();
    const first = await rig.mortal();
    const [done, running] = [await rig.send<By>("hold"), await rig.send<By>("hold")];
    const doneBefore = await rig.entry({ id: done.id });
    const runningBefore = await rig.entry({ id: running.id });
    // Suspects run alone in a child each and have half of the slots, so two of them need two children and four slots.
    const second = await rig.worker("--processes", "2", "-c", "4");

    first.child.kill("SIGSTOP");
    // Its child is not stopped: one of the two ends, and the outcome waits in the pipe for the worker to wake.
    rig.open(doneBefore);
    await rig.entry({ id: done.id, k: "end", fence: doneBefore.fence });
    const doneAfter = await rig.entry({ id: done.id, k: "start" }, 2);
    const runningAfter = await rig.entry({ id: running.id, k: "start" }, 2);
    expect(doneAfter.fence).toBeGreaterThan(doneBefore.fence);
    expect(runningAfter.fence).toBeGreaterThan(runningBefore.fence);
    rig.open(doneAfter);
    const result = { pid: doneAfter.pid, fence: doneAfter.fence };
    expect(await done.get(soon)).toEqual(result);

    first.child.kill("SIGCONT");
    // Its lease is gone; where results lie elsewhere it may hear first that another's result stands.
    const late = ["task.lost", "task.returned"];
    const told = (): boolean => first.lines.some(({ id, event }) => id === done.id && late.includes(event));
    await expect.poll(told, { timeout: patience }).toBe(true);
    await first.line("task.lost", ({ id }) => id === running.id);
    // The one that still ran was told through ctx.signal why it has to stop.
    expect(await rig.entry({ id: running.id, k: "abort" })).toMatchObject({
      fence: runningBefore.fence,
      code: "LEASE_LOST",
    });
    rig.open(runningAfter);
    expect(await running.get(soon)).toEqual({ pid: runningAfter.pid, fence: runningAfter.fence });
    expect(await done.get()).toEqual(result);
    expect(first.lines.filter(({ event }) => event === "task.succeeded")).toEqual([]);
    await rig.drained();

    // It is of use again.
    await second.stop();
    const [worker] = await Promise.all([
      first.line("task.succeeded", ({ task }) => task === "whoami"),
      rig.send("whoami").then((sent) => sent.get(soon)),
    ]);
    expect(worker).toMatchObject({ attempt: 1 });
    expect(await rig.letters()).toEqual([]);
  });

  test("killed again and again costs a task with checkpoints one page each time", async () => {
    await using rig = await open();
    const pages = 24;
    let worker = await rig.mortal("-c", "1");
    const sent = await rig.send<number>("pages", { pages });
    const kills = [5, 11, 17] as const;
    for (const [turn, page] of kills.entries()) {
      const entry = await rig.entry({ k: "page", page });
      // The worker, its child alone, the worker again.
      if (turn === 1) {
        process.kill(entry.pid, "SIGKILL");
      } else {
        const next = rig.mortal("-c", "1");
        worker.child.kill("SIGKILL");
        worker = await next;
      }
    }
    expect(await sent.get(soon)).toBe((pages * (pages + 1)) / 2);
    const made = Map.groupBy(rig.entries({ k: "page" }), ({ page }) => page ?? 0);
    expect(made.size).toBe(pages);
    const again = [...made.values()].reduce((sum, times) => sum + times.length - 1, 0);
    expect(again).toBeLessThanOrEqual(kills.length);
    expect(rig.entries({ k: "start" }).length).toBe(kills.length + 1);
    await rig.drained();
    expect(await rig.letters()).toEqual([]);
  });
});
