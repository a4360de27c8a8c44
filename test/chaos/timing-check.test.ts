/** What begins before its time or outlives its limit is seen, and what a clock or a fault did is not held against it. */

import { describe, expect, it } from "vitest";
import type { Final } from "./checker.ts";
import { historyOf } from "./history.ts";
import type { Entry, Hold, Run } from "./journal.ts";
import type { BrokerName } from "./stage.ts";
import { brokenTimes, herdTimes } from "./timing-check.ts";

const accepted = (id: string, kind: string, t = 0): Entry => ({ k: "accepted", t, id, kind });
const due = (id: string, at: number, t = 0): Entry => ({ k: "due", t, id, at });
const start = (id: string, t: number, kind = "later", worker = 1, pid = 11): Run => ({
  k: "start",
  t,
  id,
  kind,
  attempt: 1,
  fence: t,
  pid,
  worker,
});
const hold = (k: Hold["k"], t: number, id: string, worker = 1): Entry => ({ k, t, id, attempt: 1, worker });
const fault = (name: string, t: number, until: number, target = 0, by?: number): Entry => ({
  k: "fault",
  t,
  until,
  fault: name,
  target,
  ...(by !== undefined && { by }),
});
const limit: Final = { state: "FAILURE", result: '{"exc_type":"TimeLimitExceeded"}', fence: 1, at: 1 };
const broken = (entries: readonly Entry[], final = limit, broker: BrokerName = "redis"): readonly string[] =>
  brokenTimes(historyOf(entries), new Map([["e", final]]), broker);

describe("a task for a time to come", () => {
  const early = [due("a", 5000, 10), accepted("a", "later", 20), start("a", 4000)];

  it("does not begin before it", () => {
    expect(broken(early)).toEqual(["early: a began 1000 ms before its time"]);
    expect(broken([due("a", 5000), accepted("a", "later"), start("a", 4990), start("a", 9000)])).toEqual([]);
  });

  it("is due as it was said first, though it was sent again", () => {
    expect(broken([due("a", 5000), due("a", 8000), accepted("a", "later"), start("a", 5100)])).toEqual([]);
  });

  it("is off by a step of the clock that holds it back, and of no other", () => {
    const [redis, worker] = ["redis clock jumps", "worker clock jumps"].map((name) =>
      fault(name, 3000, 6000, 0, 3_600_000),
    );
    if (!redis || !worker) throw new Error("there are two");
    const found = (entry: Entry, broker: BrokerName): number => broken([...early, entry], limit, broker).length;
    expect([found(redis, "redis"), found(redis, "rabbitmq"), found(worker, "redis")]).toEqual([0, 1, 1]);
    expect([found(worker, "sqlite"), found(worker, "rabbitmq")]).toEqual([0, 1]);
    expect(found(fault("redis clock jumps", 4100, 6000, 0, 3_600_000), "redis")).toBe(1);
    // A clock that was set right again may be read a second later still: `said` at 0.
    expect(found(fault("worker clock jumps", -5000, -900, 0, 3_600_000), "sqlite")).toBe(0);
    expect(found(fault("worker clock jumps", -5000, -1200, 0, 3_600_000), "sqlite")).toBe(1);
  });

  it("is one of a herd whose first and last start are told", () => {
    const herd = [1, 2, 3].flatMap((n) => [due(`h${String(n)}`, 5000), accepted(`h${String(n)}`, "herd")]);
    const starts = [start("h1", 5010, "herd"), start("h2", 5900, "herd"), start("h3", 5400, "herd")];
    expect(herdTimes(historyOf([...herd, ...starts]))).toEqual({ count: 3, firstStart: 10, lastStart: 900 });
    expect(herdTimes(historyOf([accepted("a", "ok")]))).toBeUndefined();
  });
});

describe("a task that never returns", () => {
  const begun = [accepted("e", "endless"), hold("claim", 90, "e"), start("e", 100, "endless")];

  it("ends by its limit", () => {
    expect(broken([...begun, hold("freed", 1150, "e")])).toEqual([]);
    const other = { ...limit, result: '{"exc_type":"WorkerLostError"}' };
    expect(broken([...begun, hold("freed", 1150, "e")], other)).toEqual([
      'unlimited: e ended otherwise than by its limit: {"exc_type":"WorkerLostError"}',
    ]);
  });

  it("ends neither long after it, nor before", () => {
    expect(broken([...begun, hold("freed", 4200, "e")])).toEqual([
      "overdue: e ended 4100 ms after its start, and its limit is 1000",
    ]);
    expect(broken([...begun, hold("freed", 600, "e")])).toEqual([
      "hasty: e ended 500 ms after its start, and its limit is 1000",
    ]);
  });

  it("does not end with a second message of it, which is let go at once", () => {
    const second = [hold("claim", 240, "e"), hold("freed", 245, "e")];
    expect(broken([...begun, ...second, hold("freed", 1150, "e")])).toEqual([]);
    expect(broken([...begun, ...second, hold("freed", 600, "e")])).toHaveLength(1);
  });

  it.each<[string, Entry]>([
    ["whose worker stood still", fault("stop worker", 500, 4000, 1)],
    ["whose child was killed", fault("kill child", 500, 500, 11)],
    ["whose end could not be stored", fault("kill redis", 500, 4000)],
    ["whose worker could not be reached", { k: "away", t: 500, until: 4000, worker: 1 }],
  ])("may end at another time, %s", (_what, entry) => {
    for (const t of [600, 4200]) expect(broken([...begun, entry, hold("freed", t, "e")])).toEqual([]);
  });

  it("is not excused by what befell another", () => {
    const others = [
      fault("stop worker", 500, 4000, 2),
      fault("black hole", 500, 4000, 2),
      fault("kill child", 500, 500, 21),
    ];
    expect(broken([...begun, up(2), ...others, hold("freed", 4200, "e")])).toHaveLength(1);
  });
});

function up(worker: number): Entry {
  return { k: "up", t: 0, worker };
}
