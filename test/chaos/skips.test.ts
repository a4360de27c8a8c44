import { expect, it } from "vitest";
import { forbidden, skipLines, type Skips } from "./skips.ts";

const skips: Skips = new Map([["worker clock jumps", "libfaketime is not installed"]]);

it("names what was skipped, and why", () => {
  expect(skipLines(Object.fromEntries(skips))).toBe("  – SKIPPED: worker clock jumps: libfaketime is not installed\n");
  expect(skipLines({})).toBe("");
});

it("turns a run red that skips a kind of fault where everything is required", () => {
  expect(forbidden(skips, undefined)).toEqual([]);
  expect(forbidden(skips, "all")).toEqual([
    "skipped: worker clock jumps, which CELERIAC_REQUIRE=all forbids: libfaketime is not installed",
  ]);
  expect(forbidden(new Map(), "all")).toEqual([]);
});
