/** A wedge is seen, and what is none is not: on journals written by hand. */

import { describe, expect, it } from "vitest";
import { historyOf } from "./history.ts";
import type { Entry, Hold } from "./journal.ts";
import { progressLimits } from "./limits.ts";
import { progress, stuck } from "./progress.ts";
import type { BrokerName } from "./stage.ts";

const up = (worker: number, t = 0): Entry => ({ k: "up", t, worker });
const accepted = (id: string, t: number, kind = "ok"): Entry => ({ k: "accepted", t, id, kind });
const hold = (k: Hold["k"], t: number, id: string, worker = 1, attempt = 1): Entry => ({ k, t, id, attempt, worker });
const fault = (name: string, t: number, until: number, target = 0): Entry => ({
  k: "fault",
  t,
  until,
  fault: name,
  target,
});
const stall = (entries: readonly Entry[], broker: BrokerName = "redis"): number =>
  progress(historyOf(entries), broker).stall;

describe("the longest time in which nothing went on", () => {
  /** Waits from 100 on, and is claimed at 8100. */
  const waited = [up(1), accepted("a", 100), hold("claim", 8100, "a"), hold("freed", 8200, "a")];

  it("is that in which a task waited and a worker had room", () => {
    const found = progress(historyOf(waited), "redis");
    expect(found).toEqual({ stall: 8000, worst: "a could be claimed from 100 to 8100", drained: 8100 });
    expect(stuck(found, progressLimits({ broker: "redis", lease: 3000, sweep: 500 }))).toEqual([
      "wedge: for 8000 ms, more than 4500, nothing went on: a could be claimed from 100 to 8100",
    ]);
  });

  it("ends with whatever is claimed or ends", () => {
    expect(stall([...waited, accepted("b", 200), hold("claim", 3100, "b"), hold("freed", 6100, "b")])).toBe(3000);
  });

  it("is none while nothing waits", () => {
    expect(stall([up(1), accepted("a", 100), hold("claim", 110, "a"), hold("freed", 60_000, "a")])).toBe(10);
  });

  it("is that of the parts of a workflow, of which the first ones wait at once", () => {
    const chain = [up(1), accepted("c", 100, "chain"), hold("claim", 6100, "c-p0"), hold("freed", 6200, "c-p0")];
    expect(stall([...chain, hold("claim", 20_000, "c-p1"), hold("claim", 40_000, "c")])).toBe(6000);
    expect(stall([up(1), accepted("c", 100, "chord"), hold("claim", 200, "c-p0"), hold("claim", 900, "c-p4")])).toBe(
      700,
    );
  });

  it("is that of a task that threw, when its pause is over", () => {
    const thrown = [up(1), accepted("a", 0), hold("claim", 10, "a"), hold("freed", 20, "a")];
    expect(stall([...thrown, hold("claim", 9020, "a", 1, 2)])).toBe(7000);
    expect(stall([...thrown, hold("claim", 1020, "a", 1, 2)])).toBe(10);
    const stepped: Entry = { k: "fault", t: 15, until: 900, fault: "worker clock jumps", target: 1, by: 3_600_000 };
    const late = [...thrown, hold("claim", 9020, "a", 1, 2), stepped];
    expect([stall(late, "sqlite"), stall(late, "redis")]).toEqual([10, 7000]);
  });

  it.each<[string, number, readonly Entry[]]>([
    ["the server was away", 6000, [fault("kill redis", 1000, 3000)]],
    ["every line was dead", 6000, [fault("black hole", 1000, 3000)]],
    ["the only worker could not be reached", 6000, [fault("black hole", 1000, 3000, 1)]],
    ["it got no word there and back", 6000, [{ k: "away", t: 1000, until: 3000, worker: 1 }]],
    ["it stood still", 6000, [fault("stop worker", 1000, 3000, 1)]],
    ["it was gone", 6000, [fault("kill worker", 1000, 1000, 1), up(2, 3000)]],
    ["one after the other went wrong", 5000, [fault("stop redis", 1000, 3000), fault("cut connections", 2000, 4000)]],
  ])("leaves out the time in which %s", (_what, ms, more) => {
    expect(stall([...waited, ...more])).toBe(ms);
  });

  it.each<[string, readonly Entry[]]>([
    ["a fault of another worker", [up(2), fault("black hole", 1000, 3000, 2)]],
    ["a stopped scheduler", [fault("stop scheduler", 1000, 3000, 9)]],
    ["a full memory", [fault("full redis", 1000, 3000)]],
  ])("counts in spite of %s", (_what, more) => {
    expect(stall([...waited, ...more])).toBe(8000);
  });

  it("leaves out on SQLite a pause of whoever may stand still in the midst of a write", () => {
    expect(stall([...waited, fault("stop scheduler", 1000, 3000, 9)], "sqlite")).toBe(6000);
  });

  it("leaves out the time in which all slots were taken", () => {
    const full = ["b", "c", "d", "e"].flatMap((id) => [hold("claim", 50, id), hold("freed", 5100, id)]);
    expect(stall([...waited, ...full])).toBe(3000);
  });
});

describe("the time until all is done", () => {
  const drained = (entries: readonly Entry[]): number => progress(historyOf(entries), "redis").drained;
  const run = [up(1), accepted("a", 100), hold("claim", 110, "a"), hold("freed", 50_000, "a")];

  it("counts from the end of the last fault, or what was accepted last", () => {
    expect(drained([...run, fault("kill redis", 9000, 10_000)])).toBe(40_000);
    expect(drained([...run, accepted("b", 30_000), hold("claim", 30_010, "b"), hold("freed", 60_000, "b")])).toBe(
      30_000,
    );
    const late = stuck(
      { stall: 0, worst: "", drained: 40_000 },
      progressLimits({ broker: "redis", lease: 3000, sweep: 500 }),
    );
    expect(late).toEqual(["drain: the last task ended 40000 ms after the last fault, more than 33000"]);
  });

  it("does not count from a fault that came when all was done", () => {
    expect(drained([...run, fault("redis clock jumps", 60_000, 63_000)])).toBe(49_900);
  });
});
