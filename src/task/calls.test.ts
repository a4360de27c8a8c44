import { describe, expect, it } from "vitest";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { claimOf } from "./calls.ts";
import { type AnyTaskOptions, defineTask } from "./options.ts";

const policyOf = (options: object) => defineTask("t", options as AnyTaskOptions, () => 1, "q").calls;
const refusalOf = (options: object, handler: (() => number) | undefined): string => {
  try {
    return JSON.stringify(defineTask("t", options as AnyTaskOptions, handler, "q").calls?.by);
  } catch (error) {
    const { code, message } = error as CeleriacError;
    return `${code} ${message}`;
  }
};
const day = 86_400_000;

describe("calls of one key", () => {
  it("are unique, debounced or throttled as they are told", () => {
    expect(policyOf({ unique: { key: "k" } })).toMatchObject({
      by: "unique",
      hold: "end",
      conflict: "join",
      life: day,
    });
    expect(policyOf({ unique: { key: "k", for: "queued", whenConflict: "replace", ttl: "1h" } })).toMatchObject({
      by: "unique",
      hold: "start",
      conflict: "replace",
      life: 3_600_000,
    });
    expect(policyOf({ unique: { key: "k", whenConflict: "queueLatest" } })).toMatchObject({
      by: "queueLatest",
      conflict: "after",
    });
    expect(policyOf({ debounce: { key: "k", wait: "2s" } })).toMatchObject({ quiet: { wait: 2_000, most: 20_000 } });
    expect(policyOf({ throttle: { key: "k", period: "1m" } })).toMatchObject({ hold: 60_000, conflict: "join" });
    expect(policyOf({ throttle: { key: "k", period: "1m", trailing: true } })).toMatchObject({ conflict: "after" });
    expect(policyOf({})).toBeUndefined();
  });

  it("refuse what could not be kept, and say what would be", () => {
    const key = "k";
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ unique: {} }, /key must be a text/],
      [{ unique: { key: "" } }, /key must be a text/],
      [{ unique: { key: "x".repeat(201) } }, /1 to 200/],
      [{ unique: true }, /must be an object/],
      [{ unique: { key, while: "queued" } }, /no option "while"/],
      [{ unique: { key, for: "running" } }, /"queued-or-running"/],
      [{ unique: { key, whenConflict: "replace" } }, /Use "queueLatest"/],
      [{ unique: { key, for: "queued", whenConflict: "queueLatest" } }, /Use "replace"/],
      [{ unique: { key, whenConflict: "wait" } }, /"skip", "replace" or "queueLatest"/],
      [{ unique: { key, ttl: 0 } }, /from 1 ms/],
      [{ unique: { key }, ack: "early" }, /needs ack "late"/],
      [{ unique: { key }, throttle: { key, period: 1 } }, /unique and throttle exclude each other/],
      [{ debounce: { key, wait: "1m", maxWait: "1s" } }, /must not be shorter/],
      [{ throttle: { key, period: "1s", trailing: "yes" } }, /true or false/],
    ];
    for (const [options, why] of wrong) {
      const refusal = refusalOf(options, () => 1);
      expect(refusal, JSON.stringify(options)).toMatch(/^CONFIG_INVALID task "t": /);
      expect(refusal, JSON.stringify(options)).toMatch(why);
    }
    expect(refusalOf({ debounce: { key, wait: "soon" } }, () => 1)).toMatch(/^DURATION_INVALID/);
  });

  it("of a task that others run are throttled at most", () => {
    const remote = (options: object): string => refusalOf(options, undefined);
    expect(remote({ unique: { key: "k" } })).toMatch(/^CONFIG_INVALID .*throttle without trailing/);
    expect(remote({ throttle: { key: "k", period: "1s", trailing: true } })).toMatch(/^CONFIG_INVALID/);
    expect(remote({ throttle: { key: "k", period: "1s" } })).toBe('"throttle"');
  });

  it("have the key that the input gives, within their task", () => {
    const policy = policyOf({ unique: { key: (input: { id: string }) => input.id } });
    if (policy === undefined) throw new Error("it has none");
    expect(claimOf(policy, { id: "7" }, "t")).toMatchObject({ key: "t:7", by: "unique" });
    for (const id of [7, "", "x".repeat(201), undefined])
      expect(() => claimOf(policy, { id }, "t")).toThrow(/unique.key must return a text/);
  });
});
