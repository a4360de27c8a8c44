/** The rules for ticks, on counts written by hand. */

import { describe, expect, it } from "vitest";
import { checkTicks, type Policy, type Tick, type TickEvidence } from "./tick-check.ts";

const minute = 60_000;
const tick = (at: number, fresh: number, seen = fresh): Tick => ({ schedule: "s", at, fresh, seen });
const evidence = (ticks: readonly Tick[], more: Partial<TickEvidence> = {}): TickEvidence => ({
  ticks,
  policies: { s: { misfire: "once", grace: minute, limit: 1000 } },
  strange: [],
  until: 10 * minute,
  apart: false,
  ...more,
});
const fault = (name: string, t: number, by?: number): Parameters<typeof checkTicks>[1][number] => ({
  k: "fault",
  t,
  until: t,
  fault: name,
  target: 0,
  ...(by !== undefined && { by }),
});

it("is green when each tick came once, also when it was delivered again, or is not due yet", () => {
  const ticks = [tick(1, 1), tick(2, 1, 3), tick(3, 0, 1), tick(11 * minute, 0)];
  expect(checkTicks(evidence(ticks), [])).toEqual({ ticks: 3, owed: 3, missed: 0, violations: [] });
});

it("sees a tick that was sent twice, one that was not sent, and a message of no tick", () => {
  const { violations } = checkTicks(evidence([tick(1, 2), tick(2, 0)], { strange: ["x"] }), [
    fault("kill scheduler", 1),
  ]);
  expect(violations).toEqual([
    "strange: x is a message of no tick",
    "twice: the tick of s at 1970-01-01T00:00:00.001Z was sent 2 times",
    "missing: the tick of s at 1970-01-01T00:00:00.002Z was not sent, and no scheduler noted that it was left out",
  ]);
});

it("lets a tick be sent again where that takes two steps, once for each fault near", () => {
  const near = [fault("kill scheduler", 5 * minute)];
  expect(checkTicks(evidence([tick(5 * minute, 2)], { apart: true }), near).violations).toEqual([]);
  expect(checkTicks(evidence([tick(5 * minute, 3)], { apart: true }), near).violations).toHaveLength(1);
  expect(checkTicks(evidence([tick(minute, 2)], { apart: true }), near).violations).toHaveLength(1);
  // A fault is near for as long as it lasts.
  const long = [{ ...fault("rabbitmq alarm", 4 * minute), until: 5 * minute }];
  expect(checkTicks(evidence([tick(5 * minute, 2)], { apart: true }), long).violations).toEqual([]);
});

it("owes no tick once the server's clock was put forward, and all of them when it was put back", () => {
  const ticks = [tick(minute, 1), tick(9 * minute, 0)];
  const forward = checkTicks(evidence(ticks), [fault("redis clock jumps", 5 * minute, 60 * minute)]);
  expect(forward).toEqual({ ticks: 2, owed: 1, missed: 0, violations: [] });
  const twice = checkTicks(evidence([tick(9 * minute, 2)]), [fault("redis clock jumps", 5 * minute, 60 * minute)]);
  expect(twice.violations).toHaveLength(1);
  const back = checkTicks(evidence(ticks), [fault("redis clock jumps", 5 * minute, -60 * minute)]);
  expect(back.violations).toEqual([expect.stringMatching(/^missing/)]);
  const worker = checkTicks(evidence(ticks), [fault("worker clock jumps", 5 * minute, 60 * minute)]);
  expect(worker.violations).toHaveLength(1);
});

describe("a tick that was not sent", () => {
  const second = 1000;
  /** Ticks 1, 2, 3 … of a schedule of a second; `used`: by the number of a tick, when it was seen to be used up, and whether it was sent. */
  const judged = (
    policy: Partial<Policy>,
    used: Readonly<Record<number, readonly ["sent" | "left out", number]>>,
    others: readonly Tick[] = [],
  ): { readonly missed: number; readonly violations: readonly string[] } => {
    const ticks = Array.from({ length: 9 }, (_, n): Tick => {
      const [how, by] = used[n + 1] ?? [undefined, 0];
      const sent = how === "sent" ? 1 : 0;
      const note = how && { id: sent === 1 ? "id" : undefined, by: by * second };
      return { schedule: "s", at: (n + 1) * second, fresh: sent, seen: sent, used: note };
    });
    const until = Math.max(...Object.keys(used).map(Number)) * second;
    const policies = { s: { misfire: "skip", grace: 2 * second, limit: 2, ...policy } } as const;
    return checkTicks(evidence([...ticks, ...others], { policies, until }), []);
  };
  const green = (missed: number): object => ({ missed, violations: [] });
  const red = (pattern: RegExp): object => ({ violations: [expect.stringMatching(pattern)] });

  it("is a missed one where a scheduler noted later than its grace that it, or a later one, was left out", () => {
    expect(judged({}, { 1: ["left out", 3.5], 2: ["sent", 3.6] })).toMatchObject(green(1));
    expect(judged({}, { 3: ["left out", 6], 4: ["sent", 6] })).toMatchObject(green(3));
  });

  it("is missing where it was left out within its grace, by itself or with another", () => {
    expect(judged({}, { 1: ["left out", 3], 2: ["sent", 3] })).toMatchObject(
      red(/^missing: .*:01.000Z was not sent: it was left out 2000 ms after its time, and its grace is 2000 ms$/),
    );
    expect(judged({}, { 2: ["left out", 3.9], 3: ["sent", 4] }).violations).toEqual([
      expect.stringMatching(
        /:01.000Z was not sent: it was passed over with that of .*:02.000Z, 1900 ms after its time/,
      ),
      expect.stringMatching(/:02.000Z was not sent: it was left out 1900 ms/),
    ]);
  });

  it("is missing where a later one was sent on time, or it was noted as sent and never came", () => {
    expect(judged({}, { 2: ["sent", 2.1] })).toMatchObject(red(/:01.000Z was not sent: it was passed over/));
    const lost: Tick = { schedule: "s", at: 1, fresh: 0, seen: 0, used: { id: "id", by: 100 * second } };
    expect(checkTicks(evidence([lost]), []).violations).toEqual([
      expect.stringMatching(/though it was noted as sent$/),
    ]);
  });

  it("may be made up for by a late one with `once` alone, and with it must be", () => {
    const late = { 3: ["sent", 5.5], 4: ["sent", 5.6] } as const;
    expect(judged({ misfire: "once" }, late)).toMatchObject(green(2));
    expect(judged({}, late).violations).toEqual([
      expect.stringMatching(/:01.000Z was not sent, and a later one that was missed was/),
      expect.stringMatching(/:02.000Z was not sent, and a later one that was missed was/),
    ]);
    expect(judged({ misfire: "once" }, { 1: ["left out", 3.5], 2: ["sent", 3.6] })).toMatchObject(green(1));
    expect(judged({ misfire: "once" }, { 1: ["left out", 3.5] })).toMatchObject(red(/no later one made up for it$/));
  });

  it("may be left out with `all` only where more than the limit were missed", () => {
    const kept = { 2: ["sent", 5.6], 3: ["sent", 5.7], 4: ["sent", 5.8] } as const;
    expect(judged({ misfire: "all" }, { 1: ["left out", 5.5], ...kept })).toMatchObject(green(1));
    expect(judged({ misfire: "all" }, { 1: ["left out", 4.9], ...kept })).toMatchObject(
      red(/:01.000Z was not sent, and not more than 2 were missed$/),
    );
    expect(judged({ misfire: "all" }, { 2: ["sent", 5.6], 3: ["sent", 5.7] })).toMatchObject(
      red(/not more than 2 were missed$/),
    );
  });

  it("is missing where those of other schedules were sent all through its grace, and none of its own", () => {
    const policy = { grace: minute };
    const other = (by: number): Tick => ({ schedule: "o", at: by, fresh: 1, seen: 1, used: { id: "o", by } });
    const late = { 1: ["left out", 62], 2: ["sent", 62] } as const;
    expect(judged(policy, late, [other(10 * second), other(35 * second)])).toMatchObject(green(1));
    expect(judged(policy, late, [other(10 * second), other(45 * second)])).toMatchObject(
      red(/was not sent, though others were for 35000 ms of its grace$/),
    );
    const unsent = { ...other(45 * second), used: { id: undefined, by: 45 * second } };
    expect(judged(policy, late, [other(10 * second), unsent]), "while the broker is away").toMatchObject(green(1));
    const busy = { ...late, 9: ["sent", 30] } as const;
    expect(judged(policy, busy, [other(10 * second), other(45 * second)]).violations).not.toContainEqual(
      expect.stringMatching(/:01.000Z/),
    );
  });
});
