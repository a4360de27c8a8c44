/** The checker itself, on journals written by hand: each broken promise is seen, and a clean run is green. */

import { describe, expect, it } from "vitest";
import { check, type Evidence, type Final } from "./checker.ts";
import { historyOf } from "./history.ts";
import type { Entry, Run } from "./journal.ts";
import { progressLimits, recoveryLimits } from "./limits.ts";

const start = (id: string, kind: string, t: number, fence: number, attempt = 1): Run => ({
  k: "start",
  t,
  id,
  kind,
  attempt,
  fence,
  pid: 1,
  worker: 1,
});
const accepted = (id: string, kind: string, t = 0): Entry => ({ k: "accepted", t, id, kind });
const done = (fence: number, at: number, state = "SUCCESS"): Final => ({
  state,
  result: `{"fence":${String(fence)}}`,
  fence,
  at,
});

function evidence(journal: Entry[], finals: Record<string, Final>, more: Partial<Evidence> = {}): Evidence {
  return {
    history: historyOf(journal),
    sent: new Set(),
    finals: new Map(Object.entries(finals)),
    changed: new Set(),
    dead: new Map(),
    left: { ready: 0, leased: 0, delayed: 0 },
    broker: "redis",
    shadow: 1000,
    lease: 3000,
    limits: recoveryLimits({ broker: "redis", lease: 3000, sweep: 500 }),
    going: progressLimits({ broker: "redis", lease: 3000, sweep: 500 }),
    ...more,
  };
}

const violations = (...args: Parameters<typeof evidence>): readonly string[] => check(evidence(...args)).violations;

describe("the chaos checker", () => {
  it("is green on a run in which nothing went wrong", () => {
    expect(violations([accepted("a", "ok"), start("a", "ok", 10, 1)], { a: done(1, 20) })).toEqual([]);
    const killed = [start("s", "steps", 1, 1), step(2), fault("kill worker", 1, 3), start("s", "steps", 5, 2), step(6)];
    expect(violations([accepted("s", "steps"), ...killed], { s: done(2, 9) })).toEqual([]);
    // Whom the run itself killed as often as its budget allows looks like poison.
    const unlucky = [1, 2, 3].flatMap((n): Entry[] => [
      { ...start("u", "slow", n * 100, n), pid: n },
      { k: "fault", t: n * 100 + 50, until: n * 100 + 50, fault: "kill child", target: n },
    ]);
    const letters = { dead: new Map([["u", { reason: "crashed", attempts: 3 }]]) };
    expect(violations([accepted("u", "slow"), ...unlucky], { u: done(3, 400, "FAILURE") }, letters)).toEqual([]);
    expect(
      violations([accepted("u", "slow"), ...unlucky.slice(0, -1)], { u: done(3, 400, "FAILURE") }, letters),
    ).toContainEqual(expect.stringMatching(/^innocent: u/));
    // Registered before the later attempt, and slower to begin.
    const beside = [
      accepted("a", "flaky"),
      start("a", "flaky", 10, 5_000),
      start("a", "flaky", 2_000, 1_999_000, 2),
      start("a", "flaky", 2_001, 1_500_000),
      fault("cut line", 1, 2_000),
    ];
    expect(violations(beside, { a: done(1_999_000, 2_010) })).toEqual([]);
  });

  it("is green when an unclear enqueue was not accepted after all", () => {
    const verdict = check(evidence([{ k: "unclear", t: 0, id: "a", kind: "ok" }], {}));
    expect(verdict).toMatchObject({ unknown: 1, violations: [] });
  });

  it.each<[string, RegExp, Parameters<typeof evidence>]>([
    ["an accepted task without a result", /^lost: a/, [[accepted("a", "ok")], {}]],
    ["a start that nobody sent", /^phantom: b/, [[start("b", "ok", 1, 1)], {}]],
    [
      "a final result that changed",
      /^double commit: .* of a changed/,
      [[accepted("a", "ok")], { a: done(1, 2) }, { changed: new Set(["a"]) }],
    ],
    [
      "a commit by a holder whom another had replaced",
      /^stale: a/,
      [
        [accepted("a", "ok"), start("a", "ok", 1, 1), start("a", "ok", 5, 2), fault("stop worker", 1, 4)],
        { a: done(1, 9) },
      ],
    ],
    [
      "a second run that no fault explains",
      /^unexplained: a/,
      [[accepted("a", "ok"), start("a", "ok", 1, 1), start("a", "ok", 5, 2)], { a: done(2, 9) }],
    ],
    [
      "more repeats than all faults explain",
      /^many: 13 runs were repeats, and all faults explain 4/,
      [
        [
          accepted("a", "ok"),
          fault("kill worker", 1, 1),
          ...Array.from({ length: 14 }, (_, n) => start("a", "ok", n + 1, n + 1)),
        ],
        { a: done(14, 99) },
      ],
    ],
    [
      "a start behind another that was registered later",
      /^fence: a started with a fence that did not grow/,
      [
        [accepted("a", "ok"), start("a", "ok", 10, 9_000), start("a", "ok", 11, 8_000), fault("stop worker", 1, 10)],
        { a: done(9_000, 12) },
      ],
    ],
    [
      "an earlier attempt that is begun long after it was registered, beside the later one",
      /^fence: a started with a fence that did not grow/,
      [
        [
          accepted("a", "flaky"),
          start("a", "flaky", 10, 5_000),
          start("a", "flaky", 2_000, 1_999_000, 2),
          start("a", "flaky", 2_001, 900_000),
          fault("cut line", 1, 2_000),
        ],
        { a: done(1_999_000, 2_010) },
      ],
    ],
    [
      "an attempt beyond the last",
      /^attempts: a \(flaky\) was begun as attempt 7/,
      [[accepted("a", "flaky"), start("a", "flaky", 1, 1, 7)], { a: done(1, 9) }],
    ],
    [
      "a second attempt of what does not throw",
      /^attempts: a \(ok\) was begun as attempt 2/,
      [[accepted("a", "ok"), start("a", "ok", 1, 1), start("a", "ok", 5, 2, 2)], { a: done(2, 9) }],
    ],
    [
      "a start after the commit",
      /^late start: a/,
      [[accepted("a", "ok"), start("a", "ok", 1, 1), start("a", "ok", 900, 2)], { a: done(1, 9) }],
    ],
    [
      "an id that was accepted twice",
      /^twice: a/,
      [[accepted("a", "ok"), { k: "twice", t: 5, id: "a" }], { a: done(1, 20) }],
    ],
    [
      "a task that was taken from a living Python worker, whatever befell ours",
      /^taken: a started 2 times/,
      [
        [accepted("a", "python"), start("a", "python", 1, 1), start("a", "python", 5, 2), fault("kill worker", 1, 4)],
        { a: done(2, 9) },
      ],
    ],
    [
      "a dead worker's task that is claimed too late",
      /^recovery: p99 is 5000 ms, more than 4500: a, /,
      [
        [
          accepted("a", "ok"),
          { k: "up", t: 0, worker: 1 },
          { k: "up", t: 0, worker: 2 },
          { k: "claim", t: 10, id: "a", attempt: 1, worker: 1 },
          start("a", "ok", 20, 1),
          { k: "fault", t: 30, until: 30, fault: "kill worker", target: 1 },
          { k: "claim", t: 5030, id: "a", attempt: 1, worker: 2 },
          start("a", "ok", 5040, 2),
        ],
        { a: done(2, 5050) },
      ],
    ],
    [
      "an innocent in the dead letters",
      /^innocent: a/,
      [[accepted("a", "ok")], { a: done(1, 2) }, { dead: new Map([["a", { reason: "crashed", attempts: 1 }]]) }],
    ],
    ["poison that did not become a dead letter", /^poison: p/, [[accepted("p", "poison")], { p: done(1, 2) }]],
    [
      "poison that ran without end",
      /^budget: p/,
      [poisoned(20), { p: done(20, 99, "FAILURE") }, { dead: new Map([["p", { reason: "crashed", attempts: 3 }]]) }],
    ],
    [
      "a dead letter without context",
      /^context: /,
      [poisoned(3), { p: done(3, 99, "FAILURE") }, { dead: new Map([["p", { reason: "crashed", attempts: 0 }]]) }],
    ],
    ["a job that nobody answered for", /^unsent: a/, [[], {}, { sent: new Set(["a"]) }]],
    ["a chain that was cut", /^cut: what follows l/, [[accepted("l", "linked")], { l: done(1, 2) }]],
    ["a checkpoint made twice", /^checkpoint: s\/a/, [[accepted("s", "steps"), step(1), step(2)], { s: done(1, 9) }]],
    [
      "a checkpoint made again in a run for which there is no reason",
      /^checkpoint: s\/a/,
      [
        [accepted("s", "steps"), start("s", "steps", 1, 1), step(2), start("s", "steps", 5, 2), step(6)],
        { s: done(2, 9) },
      ],
    ],
    [
      "messages that stay behind",
      /^leak: 2 messages are still leased/,
      [[], {}, { left: { ready: 0, leased: 2, delayed: 0 } }],
    ],
  ])("sees %s", (_what, pattern, args) => {
    expect(violations(...args)).toContainEqual(expect.stringMatching(pattern));
  });

  describe("on a chord of two that ended as it must", () => {
    const member = (n: number, state = "SUCCESS"): Final => ({
      ...done(1, 5, state),
      result: `{"token":"t${String(n)}"}`,
    });
    const members = { "c-p0": member(0), "c-p1": member(1) };
    const whole = { ...members, c: { ...done(2, 30), result: '{"of":["t0","t1"]}' } };
    const lines = (body: number): Entry[] => [
      accepted("c", "replaced"),
      ...[0, 1].flatMap((n): Entry[] => {
        const run = start(`c-p${String(n)}`, "part", 1, 1);
        return [run, { ...run, k: "end", t: 5 }];
      }),
      start("c", "body", body, 2),
    ];

    it("is green", () => expect(violations(lines(20), whole)).toEqual([]));

    it.each<[string, RegExp, Parameters<typeof violations>]>([
      ["that its body never ran", /^lost: c/, [lines(20).slice(0, -1), members]],
      ["that its body ran before its members", /^early: c \(replaced\) began before c-p0/, [lines(3), whole]],
      [
        "a member that did not end",
        /^part: c-p1 \(replaced\) ended nowhere/,
        [lines(20), { c: whole.c, "c-p0": member(0) }],
      ],
      [
        "results that are not those of its members",
        /^mixed: the body of c was given t0,t1, and t0,t2 are stored/,
        [lines(20), { ...whole, "c-p1": member(2) }],
      ],
    ])("sees %s", (_what, pattern, args) => {
      expect(violations(...args)).toContainEqual(expect.stringMatching(pattern));
    });

    it("sees a body that ran, and an error callback that did not, though a member had failed", () => {
      const failing = (more: Entry[] = [], finals: Record<string, Final> = {}): readonly string[] =>
        violations([accepted("f", "failing"), ...more], {
          f: done(0, 9, "FAILURE"),
          "f-p0": member(0, "FAILURE"),
          "f-p1": member(1),
          "f-p2": member(2),
          "f-after": done(3, 12),
          ...finals,
        });
      expect(failing()).toEqual([]);
      expect(failing([start("f", "body", 7, 2)])).toContainEqual(expect.stringMatching(/^body: that of f ran/));
      const untold = violations([accepted("f", "failing")], { f: done(0, 9, "FAILURE") });
      expect(untold).toContainEqual(expect.stringMatching(/^untold: the error callback of f ended nowhere/));
    });

    it("sees a step that began before the one before it had ended", () => {
      const step1 = start("h-p1", "part", 4, 1);
      const step0 = start("h-p0", "part", 1, 1);
      const journal: Entry[] = [accepted("h", "chain"), step0, step1, { ...step0, k: "end", t: 9 }];
      expect(violations(journal, {})).toContainEqual(expect.stringMatching(/^lost: h/));
      expect(violations(journal, { h: done(1, 99) })).toContainEqual(
        expect.stringMatching(/^early: h-p1 \(chain\) began before h-p0/),
      );
    });
  });

  it("does not go by the time of a commit while a clock was off, but by the end of the run that committed", () => {
    const jump: Entry = { k: "fault", t: 4, until: 8, fault: "redis clock jumps", target: 0, by: 3_600_000 };
    const first = start("a", "ok", 1, 1);
    const lines = (ended: number): Entry[] => [
      accepted("a", "ok"),
      first,
      { ...first, k: "end", t: ended },
      start("a", "ok", 6, 2),
    ];
    const ahead = { a: done(1, 3_600_005) };
    expect(violations([...lines(5), jump], ahead)).toEqual([]);
    expect(violations([...lines(7), jump], ahead)).toContainEqual(expect.stringMatching(/^stale: a/));
    const behind = { a: done(1, -3_599_995) };
    expect(violations([...lines(5), jump], behind)).toEqual([]);
    expect(violations([...lines(5), fault("cut line", 4, 8)], behind)).toContainEqual(
      expect.stringMatching(/^late start/),
    );
  });
});

function fault(name: string, t: number, until: number): Entry {
  return { k: "fault", t, until, fault: name, target: 1 };
}

function poisoned(times: number): Entry[] {
  return [
    accepted("p", "poison"),
    ...Array.from({ length: times }, (_, index) => start("p", "poison", index, index + 1)),
  ];
}

function step(t: number): Entry {
  return { k: "step", t, id: "s", step: "a", fence: t };
}
