/** The rest, on servers with real settings: test/integration/production-doctor.test.ts. This one would need a server that anybody can reach. */

import { expect, test } from "vitest";
import { doorChecks } from "./examination.ts";

test("who needs no password is let in from this machine, and from no other", () => {
  const verdict = (flags: readonly string[], config: Readonly<Record<string, string>>): string | undefined =>
    doorChecks(flags, new Map(Object.entries(config)))[0]?.verdict;
  const open = ["on", "nopass"];
  expect(verdict(open, { bind: "0.0.0.0", "protected-mode": "no" })).toBe("failed");
  expect(verdict(open, { bind: "* -::*", "protected-mode": "yes" })).toBe("ok");
  expect(verdict(open, { bind: "127.0.0.1 -::1", "protected-mode": "no" })).toBe("ok");
  expect(verdict(["on"], { bind: "0.0.0.0", "protected-mode": "no" })).toBe("ok");
  expect(doorChecks(undefined, undefined)).toEqual([]);
});
