/** What counts as grown, on samples written by hand. */

import { describe, expect, it } from "vitest";
import { historyOf } from "./history.ts";
import type { Entry } from "./journal.ts";
import { growths, leaks } from "./soak-check.ts";
import type { Sample } from "./watch.ts";

/** A hundred samples, one a second, of a worker 7 beside which another works: each starts a task every 200 ms. */
const samples = (rss: (index: number) => number, fds: (index: number) => number = () => 30): Sample[] =>
  Array.from({ length: 100 }, (_, n) => ({ t: n * 1000, kind: "worker", pid: 7, rss: rss(n) * 1e6, fds: fds(n) }));
const journal: Entry[] = Array.from({ length: 1000 }, (_, n): Entry => {
  return {
    k: "start",
    t: n * 100,
    id: `job-${String(n)}`,
    kind: "ok",
    attempt: 1,
    fence: 1,
    pid: n % 2 ? 8 : 9,
    worker: n % 2 ? 7 : 6,
  };
});
const found = (list: readonly Sample[], entries = journal): string[] =>
  leaks(growths(list, historyOf(entries)), {}, {}, 0);

describe("growth of a process", () => {
  it("is told for each thousand tasks that ran in it, after the warm-up", () => {
    const [growth] = growths(
      samples((n) => 100 + n),
      historyOf(journal),
    );
    // 1 MB a second, and five tasks of its own in that.
    expect(growth).toMatchObject({ kind: "worker", pid: 7, tasks: 500, rssSlope: 200_000, fds: [30, 30] });
  });

  it("is no leak while it warms up, nor below the noise of the collector", () => {
    expect(found(samples((n) => (n < 15 ? 50 : 120)))).toEqual([]);
    expect(found(samples((n) => 30 + n / 6))).toEqual([]);
  });

  it("is a leak of memory, of descriptors, or of handles", () => {
    expect(found(samples((n) => 100 + n))).toEqual([
      expect.stringMatching(/^memory: worker 7 grew from 124 to 196 MB/),
    ]);
    expect(
      found(
        samples(
          () => 100,
          (n) => 30 + n,
        ),
      ),
    ).toEqual([expect.stringMatching(/^descriptors: worker 7 had 54 open/)]);
    const handles = Array.from({ length: 100 }, (_, n): Entry => ({ k: "handles", t: n * 1000, pid: 7, open: 9 + n }));
    expect(
      found(
        samples(() => 100),
        [...journal, ...handles],
      ),
    ).toEqual([expect.stringMatching(/^handles: worker 7 had/)]);
  });
});

describe("what is left behind", () => {
  it("is what grew between the middle and the end, beyond what was under way", () => {
    expect(leaks([], { unacked: 40 }, { unacked: 90, other: 100 }, 0)).toEqual([]);
    expect(leaks([], { unacked: 40 }, { unacked: 141 }, 0)).toEqual([
      "left behind: 141 in unacked, 101 more than halfway",
    ]);
  });

  it("does not count dead letters, nor the ticks that are kept by name", () => {
    const end = { "celeriac:dead": 500, "celeriac:ticks": 3000, "celeriac:leases": 500 };
    expect(leaks([], {}, end, 20)).toEqual([expect.stringMatching(/celeriac:leases/)]);
  });
});
