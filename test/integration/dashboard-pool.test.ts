/** The dashboard before a worker whose pool is processes: they are replaced at a word, and what runs in them runs to its end. */

import { expect, test } from "vitest";
import type { WorkerDetail } from "../../src/dashboard/contract.ts";
import { Stage } from "../../src/dashboard/fixtures/stage.ts";
import { describeOnServers, lives, patience } from "./rig/rig.ts";

describeOnServers(
  "worker.restart-pool",
  (open) => {
    test("replaces every child of a worker, and loses nothing that runs", async () => {
      await using rig = await open();
      await using stage = new Stage(rig.url);
      await stage.page.start();
      const worker = await rig.worker("-n", "w1@here", "-E", "--processes", "2", "-c", "2");
      const path = "/api/workers/w1%40here";
      const pidsOf = ({ children }: WorkerDetail): readonly number[] => children.map(({ pid }) => pid);
      const former = pidsOf(await stage.until<WorkerDetail>(path, (detail) => pidsOf(detail).length === 2));
      const held = await rig.send<{ readonly pid: number; readonly fence: number }>("hold");
      const { pid, fence } = await rig.entry({ id: held.id });
      expect(former).toContain(pid);
      expect(await stage.act({ do: "worker.restart-pool", worker: "w1@here" })).toMatchObject({
        done: 1,
        failed: 0,
        replies: { "w1@here": { ok: "reload started" } },
      });
      // One of two is replaced beside what runs; the other once its run is over.
      await stage.until<WorkerDetail>(path, (detail) => pidsOf(detail).some((one) => !former.includes(one)));
      expect(lives(pid)).toBe(true);
      rig.open("all");
      expect(await held.get({ timeout: patience })).toEqual({ pid, fence });
      const fresh = await stage.until<WorkerDetail>(
        path,
        (detail) => pidsOf(detail).length === 2 && pidsOf(detail).every((one) => !former.includes(one)),
      );
      await expect.poll(() => former.filter(lives), { timeout: patience }).toEqual([]);
      expect(pidsOf(fresh)).toContain(await (await rig.send<number>("whoami")).get({ timeout: patience }));
      expect(rig.entries({ id: held.id }).map(({ k }) => k)).toEqual(["start", "end"]);
      expect(await worker.stop()).toBe(0);
    });
  },
  { rabbit: false },
);
