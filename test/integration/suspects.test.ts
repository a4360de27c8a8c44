/** What a dead worker held runs in processes of its own elsewhere, and what else there is to do there goes on meanwhile. */

import { expect, test } from "vitest";
import { describeOnServers, patience } from "./rig/rig.ts";

interface By {
  readonly pid: number;
  readonly fence: number;
}
const soon = { timeout: "60s" } as const;

describeOnServers("suspects of a death", (open) => {
  test("leave half of its slots to whatever else a worker has to do, though none of them ends", async () => {
    await using rig = await open();
    const first = await rig.mortal("-c", "14");
    const suspects = await Promise.all(Array.from({ length: 14 }, () => rig.send<By>("hold")));
    for (const { id } of suspects) await rig.entry({ id });
    // A body runs before the broker knows that it began, and who is killed in between is no suspect: time for that on a busy machine too.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    first.child.kill("SIGKILL");
    await first.exited;

    const second = await rig.worker("--processes", "4", "-c", "4");
    const again = (): number => rig.entries({ k: "start" }).length - suspects.length;
    await expect.poll(again, { timeout: patience }).toBe(2);
    const others = await Promise.all(Array.from({ length: 100 }, () => rig.send<number>("whoami")));
    const pids = new Set(await Promise.all(others.map((sent) => sent.get(soon))));
    expect(again()).toBe(2);
    for (const { pid } of rig.entries({ k: "start" })) expect(pids).not.toContain(pid);

    rig.open("all");
    const ends = await Promise.all(suspects.map((sent) => sent.get(soon)));
    expect(new Set(ends.map(({ pid }) => pid)).size).toBe(suspects.length);
    // To wait for a place costs neither a try nor a start.
    for (const { id } of suspects)
      expect(rig.entries({ k: "start", id }).map(({ attempt }) => attempt)).toEqual([1, 1]);
    await rig.drained();
    expect(await rig.letters()).toEqual([]);
    await second.stop();
  });
});

describeOnServers("a task that kills its whole worker", (open) => {
  test.each(["inline", "thread"])("is buried when it has killed as many alone as it may (%s)", async (pool) => {
    await using rig = await open();
    const { id } = await rig.send("die");
    // The first time it might have been another's doing.
    for (let starts = 1; starts <= 3; starts++) {
      const worker = rig.start("--lease", "5s", "--sweep", "200ms", "--pool", pool);
      await worker.exited;
      expect(rig.entries({ k: "start", id })).toHaveLength(starts);
    }
    await rig.worker("--pool", pool);
    expect(await rig.letters(1)).toMatchObject([{ id, reason: "crashed" }]);
    expect(rig.entries({ k: "start", id })).toHaveLength(3);
    await rig.drained();
  });
});
