/** The text in which an error and its causes are stored and told. */

import { inspect } from "node:util";
import { expect, test } from "vitest";
import { wireErrorOf } from "../pool/wire-error.ts";
import { tracebackOf } from "./traceback.ts";

test("is what Node prints, causes and all", () => {
  const deepest = new RangeError("no such order");
  const middle = new TypeError("cannot read it", { cause: deepest });
  const error = new Error("no receipt", { cause: middle });
  // Node leaves out the frames that a cause shares with the one above; with stacks of its own for each nothing is shared.
  deepest.stack = "RangeError: no such order\n    at find (orders.ts:3:7)";
  middle.stack = "TypeError: cannot read it\n    at read (orders.ts:9:1)";
  error.stack = "Error: no receipt\n    at send (tasks.ts:1:1)";
  expect(tracebackOf(wireErrorOf(error))).toBe(inspect(error));
});

test("without a cause it is the stack alone", () => {
  const error = new Error("alone");
  expect(tracebackOf(wireErrorOf(error))).toBe(error.stack);
});

test("a cause that is no error is named, and one that goes in a circle ends", () => {
  const error = new Error("outer", { cause: "the disk is full" });
  expect(tracebackOf(wireErrorOf(error))).toContain("\n  [cause]: Error: the disk is full\n");
  const circle: Error = new Error("round");
  circle.cause = circle;
  expect(tracebackOf(wireErrorOf(circle))).toBe(circle.stack);
});

test("it is no longer than people read", () => {
  let error = new Error("x".repeat(20_000));
  for (let depth = 0; depth < 5; depth++) error = new Error("y".repeat(20_000), { cause: error });
  const text = tracebackOf(wireErrorOf(error)) ?? "";
  expect(text.length).toBeLessThan(33_000);
  expect(text).toMatch(/… \(\d+ characters\)$/);
});
