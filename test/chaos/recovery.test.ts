import { describe, expect, it } from "vitest";
import { historyOf } from "./history.ts";
import type { Entry, Hold } from "./journal.ts";
import { recoveryLimits } from "./limits.ts";
import { type Recovery, recovery, tooLate } from "./recovery.ts";
import { Room } from "./room.ts";

const limits = recoveryLimits({ broker: "redis", lease: 3000, sweep: 500 });
const up = (worker: number): Entry => ({ k: "up", t: 0, worker });
const hold = (k: Hold["k"], t: number, worker: number, id = "a", attempt = 1): Entry => ({ k, t, id, attempt, worker });
const run = (t: number, worker: number, pid: number, kind = "ok", id = "a"): Entry => ({
  k: "start",
  t,
  id,
  kind,
  attempt: 1,
  fence: t,
  pid,
  worker,
});
const fault = (name: string, t: number, target: number, until = t): Entry => ({
  k: "fault",
  t,
  until,
  fault: name,
  target,
});
const once = (ms: number): object => ({ count: 1, p50: ms, p95: ms, p99: ms, max: ms });

describe("the time until a task is claimed again", () => {
  const held = [up(1), up(2), hold("claim", 10, 1), run(20, 1, 11)];

  it("counts from the death of the worker that held it, and the wait for its slot apart", () => {
    const journal = [...held, fault("kill worker", 100, 1), hold("claim", 3600, 2), run(9000, 2, 21)];
    expect(recovery(historyOf(journal), limits)).toMatchObject({
      claim: once(3500),
      child: undefined,
      slot: once(5400),
    });
  });

  it("counts from the beginning of a pause", () => {
    const journal = [...held, fault("stop machine", 100, 1, 8000), hold("claim", 3900, 2), hold("lost", 8010, 1)];
    expect(recovery(historyOf(journal), limits).claim).toEqual(once(3800));
  });

  it("counts no death of another worker, no retry, and no pause after which its worker went on", () => {
    const other = [...held, fault("kill worker", 100, 2), hold("freed", 200, 1), hold("claim", 300, 1)];
    expect(recovery(historyOf(other), limits).claim).toBeUndefined();
    const retry = [...held, fault("kill worker", 100, 1), hold("claim", 300, 2, "a", 2)];
    expect(recovery(historyOf(retry), limits).claim).toBeUndefined();
    const wentOn = [...held, fault("stop worker", 100, 1, 900), hold("freed", 7000, 1), hold("claim", 7010, 2)];
    expect(recovery(historyOf(wentOn), limits).claim).toBeUndefined();
  });

  it("counts the death of a child apart, also by a task that kills it", () => {
    const killed = [...held, fault("kill child", 100, 11), hold("freed", 110, 1), hold("claim", 120, 2)];
    expect(recovery(historyOf(killed), limits)).toMatchObject({ claim: undefined, child: once(20) });
    const poisoned = [...held, run(50, 1, 11, "poison", "b"), hold("freed", 60, 1), hold("claim", 80, 1)];
    expect(recovery(historyOf(poisoned), limits)).toMatchObject({ claim: undefined, child: once(30) });
  });

  it("starts anew, where it took too long, when another worker can be reached again, and not before", () => {
    const claimed = [fault("kill worker", 100, 1), hold("claim", 7000, 2)];
    const away = (t: number, until: number, worker = 2): Entry => ({ k: "away", t, until, worker });
    const claimOf = (...more: readonly Entry[]) => recovery(historyOf([...held, ...claimed, ...more]), limits).claim;
    expect(claimOf(away(1000, 4000))).toEqual(once(3000));
    expect(claimOf(away(-3000, 50))).toEqual(once(6900));
    expect(claimOf(away(5000, 7100))).toEqual(once(6900));
    expect(claimOf(away(1000, 4000, 1))).toEqual(once(6900));
  });

  it("starts anew, where it took too long, when what else went wrong is over", () => {
    const claimed = [fault("kill worker", 100, 1), hold("claim", 7000, 2)];
    expect(recovery(historyOf([...held, ...claimed]), limits).claim).toEqual(once(6900));
    expect(recovery(historyOf([...held, fault("black hole", 50, 0, 3000), ...claimed]), limits).claim).toEqual(
      once(4000),
    );
    expect(recovery(historyOf([...held, fault("flush scripts", 3000, 0), ...claimed]), limits).claim).toEqual(
      once(6900),
    );
    const [stopped] = [fault("stop worker", 4000, 3, 6900)];
    expect(recovery(historyOf([...held, up(3), stopped, ...claimed]), limits).claim).toEqual(once(3000));
    // What was in time is not made any shorter.
    const early = [fault("kill worker", 100, 1), fault("stop redis", 200, 9, 3000), hold("claim", 3500, 2)];
    expect(recovery(historyOf([...held, ...early]), limits).claim).toEqual(once(3400));
  });

  it("starts anew when a line is well again that was a worker's, and not for that of whoever takes nothing", () => {
    const claimOf = (target: number) =>
      recovery(
        historyOf([
          ...held,
          fault("black hole", 50, target, 3000),
          fault("kill worker", 100, 1),
          hold("claim", 7000, 2),
        ]),
        limits,
      ).claim;
    expect(claimOf(2)).toEqual(once(4000));
    expect(claimOf(9)).toEqual(once(6900));
  });

  it("starts anew after the death of a child, where it took longer than a second, when its worker turns again", () => {
    const killed = [...held, fault("kill child", 100, 11), hold("freed", 2000, 1), hold("claim", 2100, 2)];
    expect(recovery(historyOf(killed), limits).child).toEqual(once(2000));
    const away: Entry = { k: "away", t: 90, until: 1900, worker: 1 };
    expect(recovery(historyOf([...killed, away]), limits).child).toEqual(once(200));
  });

  it("takes for the median what is over lease and sweep as if it were too long", () => {
    const journal = [...held, fault("kill worker", 100, 1), fault("stop redis", 200, 9, 3000), hold("claim", 4000, 2)];
    expect(recovery(historyOf(journal), limits).claim).toEqual({ ...once(3900), p50: 1000 });
    const calm = [...held, fault("kill worker", 100, 1), hold("claim", 4000, 2)];
    expect(recovery(historyOf(calm), limits).claim).toEqual(once(3900));
  });

  it("does not count, where it took too long, the time in which no worker had room", () => {
    const busy = ["b", "c", "d", "e"].map((id, index) => hold("claim", 20 + index, 2, id));
    const journal = [
      ...held,
      ...busy,
      fault("kill worker", 100, 1),
      hold("freed", 5000, 2, "b"),
      hold("claim", 6000, 2),
    ];
    expect(recovery(historyOf(journal), limits).claim).toEqual(once(1000));
  });
});

describe("the judgement of these times", () => {
  const times = (more: Partial<Recovery["claim"]>) => ({
    count: 9,
    p50: 3500,
    p95: 4000,
    p99: 4500,
    max: 7000,
    ...more,
  });
  const late = (claim: object, child?: object): readonly string[] =>
    tooLate(
      { claim: times(claim), child: child && times(child), slot: undefined, worst: "a", worstChild: "b" } as Recovery,
      limits,
    );

  it("is green up to the limits", () => {
    expect(late({}, { count: 100, p95: 1000, p99: 1000 })).toEqual([]);
    expect(late({}, { count: 99, p95: 1000, p99: 4000 })).toEqual([]);
    const none = { claim: undefined, child: undefined, slot: undefined, worst: "", worstChild: "" };
    expect(tooLate(none, limits)).toEqual([]);
  });

  it("sees each that is passed", () => {
    expect(late({ p50: 3501 })).toEqual(["recovery: p50 is 3501 ms, more than 3500: a"]);
    expect(late({ p99: 4501 })).toEqual(["recovery: p99 is 4501 ms, more than 4500: a"]);
    expect(late({ max: 7001 })).toEqual(["recovery: the longest time is 7001 ms, more than 7000: a"]);
    const deaths = (count: number) => late({}, { count, p95: 1001, p99: 1002 });
    expect(deaths(100)).toEqual(["recovery: p99 after the death of a child is 1002 ms, more than 1000: b"]);
    expect(deaths(99)).toEqual(["recovery: p95 after the death of a child is 1001 ms, more than 1000: b"]);
  });
});

const roomOf = (entries: readonly Entry[]): Room => new Room(historyOf(entries).rows);

describe("the room of a run", () => {
  it("is none before a worker is up, while it stands still, and after its death", () => {
    const room = roomOf([
      { k: "up", t: 100, worker: 1 },
      fault("stop worker", 200, 1, 300),
      fault("end worker", 400, 1),
    ]);
    expect(room.between(0, 500)).toBe(200);
    expect(room.between(250, 350)).toBe(50);
  });

  it("is given up by who claims, and had again when another has claimed the same", () => {
    const ids = ["a", "b", "c", "d"];
    const claims = ids.map((id) => hold("claim", 10, 1, id));
    const room = roomOf([up(1), ...claims, { k: "up", t: 20, worker: 2 }, fault("kill worker", 30, 2)]);
    expect([room.between(0, 10), room.between(10, 20), room.between(20, 30), room.between(30, 90)]).toEqual([
      10, 0, 10, 0,
    ]);
    const taken = roomOf([up(1), ...claims, up(2), hold("claim", 40, 2, "a"), fault("kill worker", 50, 2)]);
    expect(taken.between(50, 60)).toBe(10);
  });
});
