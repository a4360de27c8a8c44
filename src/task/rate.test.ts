import { describe, expect, it } from "vitest";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { parseRate, type Rate, type RateOptions, resolveRate, withRateKey } from "./rate.ts";

describe("a rate", () => {
  it("is a number by the second, or with a unit; 0 is none", () => {
    const each = [5, "5", "100/s", "10/m", "200/h", "0.5/s", "7200/h", " 10 /m", "10/", 0, "0", "0/m"].map((rate) =>
      parseRate(rate),
    );
    const none = [undefined, undefined, undefined];
    expect(each).toEqual([
      { limit: 5, per: 1_000, burst: 5 },
      { limit: 5, per: 1_000, burst: 5 },
      { limit: 100, per: 1_000, burst: 100 },
      { limit: 10, per: 60_000, burst: 1 },
      { limit: 200, per: 3_600_000, burst: 1 },
      { limit: 0.5, per: 1_000, burst: 1 },
      { limit: 7_200, per: 3_600_000, burst: 2 },
      { limit: 10, per: 60_000, burst: 1 },
      { limit: 10, per: 1_000, burst: 10 },
      ...none,
    ]);
  });

  it("is nothing else", () => {
    for (const wrong of ["", "10/d", "-1", "1e3", "m", "/m", -1, Number.NaN, Infinity, "9".repeat(20), null, [5], {}])
      expect([wrong, parseRate(wrong)]).toEqual([wrong, "unreadable"]);
  });

  it("is of the cluster unless it says otherwise", () => {
    expect(resolveRate("10/m", "t")).toEqual({ limit: 10, per: 60_000, burst: 1, scope: "cluster", key: undefined });
    const key = (input: { id: string }): string => input.id;
    expect(resolveRate({ limit: 3, per: "worker", burst: 9, key }, "t")).toEqual({
      limit: 3,
      per: 1_000,
      burst: 9,
      scope: "worker",
      key,
    });
    expect(resolveRate({ limit: 0, key }, "t")).toBeUndefined();
  });

  it("that cannot be meant is refused where the task is declared", () => {
    const wrong: (Rate | RateOptions)[] = [
      "10/d" as Rate,
      { limit: "1/m", per: "minute" } as unknown as RateOptions,
      { limit: "1/m", burst: 0 },
      { limit: "1/m", burst: 1.5 },
      { limit: "1/m", key: "id" } as unknown as RateOptions,
      null as unknown as Rate,
    ];
    for (const rate of wrong)
      expect(codeOf(() => resolveRate(rate, 'task "t"'))).toMatch(/^CONFIG_INVALID task "t": rate: /);
  });
});

describe("the key of a call", () => {
  const rate = resolveRate({ limit: "1/m", key: (input: { id: unknown }) => input.id as string }, "t");

  it("is a header beside those it has; one that is given stands", () => {
    expect(withRateKey(rate, { id: "a" }, undefined, "t")).toEqual({ "celeriac.key": "a" });
    expect(withRateKey(rate, { id: "a" }, { own: 1 }, "t")).toEqual({ own: 1, "celeriac.key": "a" });
    expect(withRateKey(rate, { id: "a" }, { "celeriac.key": "b" }, "t")).toEqual({ "celeriac.key": "b" });
    expect(withRateKey(resolveRate("1/m", "t"), { id: "a" }, undefined, "t")).toBeUndefined();
  });

  it("is a text that is not long", () => {
    for (const id of [7, undefined, "x".repeat(201)])
      expect(codeOf(() => withRateKey(rate, { id }, undefined, "t"))).toMatch(/^INPUT_INVALID t: rate.key must return/);
  });
});

function codeOf(run: () => unknown): string {
  try {
    return JSON.stringify(run()) ?? "nothing";
  } catch (error) {
    const { code, message } = error as CeleriacError;
    return `${code} ${message}`;
  }
}
