/** The short form of `npm run fuzz`: the same inputs each time, so that a failure is one of the change at hand. */

import { describe, expect, test } from "vitest";
import { findText, fuzz, targets } from "./fuzzing.ts";

describe("no hostile input does more than be refused, as read by", () => {
  test.each(targets.map((target) => [target.name, target] as const))("%s", (_, target) => {
    const found = fuzz(target, 4711, 20_000, 300);
    expect(found.failed ? findText(target, found) : "").toBe("");
    expect(found.numRuns).toBeGreaterThan(0);
  });
});
