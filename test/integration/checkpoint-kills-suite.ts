/** A scrape of a day, in pages of five minutes of the site's own time, whose processes are killed again and again: real ones, by SIGKILL. */

import { expect, test } from "vitest";
import { describeOnServers, lives, patience } from "./rig/rig.ts";

/** Of five minutes each, a day. */
const pages = 288;
const day = 86_400_000;
/** Each kill of this number and its multiples is that of a whole worker, the others of the child that scrapes. */
const wholeWorker = 5;

export function checkpointKills(kills: number, timeout: number): void {
  describeOnServers(
    "a scrape of a day",
    (open) => {
      test(
        `killed ${String(kills)} times makes each page once, and at most one a second time for each kill`,
        async () => {
          await using rig = await open();
          let worker = await rig.mortal("-c", "1");
          const sent = await rig.send<{ at: number; rows: number }>("scrape", { pages });
          for (let kill = 1; kill <= kills; kill++) {
            const least = Math.floor((kill * pages) / (kills + 1));
            await rig.entry({ k: "page", page: least });
            // The pages went on while a worker was killed, and started: who made that one may be dead by now.
            let pid: number | undefined;
            const scraping = (): boolean => {
              pid = rig.entries({ k: "page" }).at(-1)?.pid;
              return pid !== undefined && lives(pid);
            };
            await expect.poll(scraping, { timeout: patience, interval: 10 }).toBe(true);
            if (kill % wholeWorker === 0) {
              const next = rig.mortal("-c", "1");
              worker.child.kill("SIGKILL");
              worker = await next;
            } else process.kill(Number(pid), "SIGKILL");
          }
          const value = await sent.get({ timeout: "100s" });
          expect(value).toMatchObject({ at: day, rows: (pages * (pages + 1)) / 2 });
          const made = Map.groupBy(rig.entries({ k: "page" }), ({ page }) => page ?? 0);
          expect([...made.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: pages }, (_, n) => n + 1));
          const again = [...made.values()].reduce((sum, times) => sum + times.length - 1, 0);
          const { losses } = rig;
          expect(again).toBeLessThanOrEqual(kills + losses);
          // Each run has a fence of its own, and none goes back behind it.
          const fences = rig.entries({ k: "page" }).map(({ fence }) => fence);
          expect(fences).toEqual(fences.toSorted((a, b) => a - b));
          // A worker that is killed may have lost the scrape to the next one just before.
          const starts = rig.entries({ k: "start" }).length;
          expect(starts).toBeLessThanOrEqual(kills + losses + 1);
          expect(starts).toBeGreaterThan(kills * 0.75);
          await rig.drained();
          expect(await rig.letters()).toEqual([]);
        },
        timeout,
      );
    },
    { rabbit: false },
  );
}
