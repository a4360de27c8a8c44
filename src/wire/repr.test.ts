import { expect, test } from "vitest";

import { argsRepr, callRepr, kwargsRepr, valueRepr } from "./repr.ts";
import { Decimal } from "./tagged.ts";

test("as Python prints it", () => {
  expect(argsRepr([])).toBe("()");
  expect(argsRepr([2, 2])).toBe("(2, 2)");
  expect(argsRepr([7])).toBe("(7,)");
  expect(argsRepr([1, "héllo ☃ 😀", null, true, 1.5, [1, { a: null }]])).toBe(
    "(1, 'héllo ☃ 😀', None, True, 1.5, [1, {'a': None}])",
  );
  expect(kwargsRepr({ key: "välue", n: false })).toBe("{'key': 'välue', 'n': False}");
  expect(argsRepr(["it's", 'say "hi"', `both ' and "`, "a\nb\\\u0001"])).toBe(
    `("it's", 'say "hi"', 'both \\' and "', 'a\\nb\\\\\\x01')`,
  );
  expect(argsRepr([2n ** 70n, new Decimal("1.10"), NaN])).toBe("(1180591620717411303424, Decimal('1.10'), nan)");
});

test("a value alone, and a call", () => {
  expect([4, "x", null, [1], { a: true }].map(valueRepr)).toEqual(["4", "'x'", "None", "[1]", "{'a': True}"]);
  expect(callRepr("ValueError", ["boom"])).toBe("ValueError('boom')");
  expect(callRepr("SoftTimeLimitExceeded", [])).toBe("SoftTimeLimitExceeded()");
  expect(callRepr("KeyError", ["x".repeat(5_000)])).toHaveLength(1024);
});

test("is cut, and costs no more for large values", () => {
  const large = Array.from({ length: 1_000_000 }, (_, index) => index);
  expect(argsRepr([large]).length).toBe(1024);
  expect(argsRepr(["x".repeat(10_000_000)]).endsWith("...")).toBe(true);
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  expect(argsRepr([deep])).toContain("...");
  expect(kwargsRepr(Object.fromEntries(large.slice(0, 10_000).map((n) => [`k${n}`, n]))).length).toBe(1024);
});
