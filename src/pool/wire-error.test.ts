import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { WireError } from "./pool-message.ts";
import { wireErrorOf } from "./wire-error.ts";

function depth(error: WireError | null): number {
  return error === null ? 0 : 1 + depth(error.cause);
}

it("follows causes five deep", () => {
  let error = new Error("root");
  for (let n = 0; n < 20; n++) error = new Error(`level ${n}`, { cause: error });
  expect(depth(wireErrorOf(error))).toBe(6);
});

it("cuts cycles", () => {
  const first = new Error("first");
  const second = new Error("second", { cause: first });
  first.cause = second;
  expect(depth(wireErrorOf(first))).toBe(2);
});

it("keeps the code of system errors, and cuts long texts", () => {
  const error = Object.assign(new Error("x".repeat(100_000)), { code: "ENOENT" });
  const wire = wireErrorOf(error);
  expect(wire.code).toBe("ENOENT");
  expect(wire.message.length).toBeLessThan(17_000);
  expect(wire.stack.length).toBeLessThan(17_000);
});

it("knows errors of other realms", () => {
  expect(wireErrorOf(runInNewContext("new RangeError('elsewhere')"))).toMatchObject({
    name: "RangeError",
    message: "elsewhere",
  });
});

it("survives whatever is thrown", () => {
  const hostile = new Proxy(new Error("hidden"), {
    get() {
      throw new Error("no");
    },
  });
  const self: { self?: unknown } = {};
  self.self = self;
  const odd: unknown[] = [
    undefined,
    Symbol("s"),
    3n,
    () => 1,
    new Map([[1, 2]]),
    self,
    Object.create(null),
    hostile,
    Number.NaN,
  ];
  for (const thrown of odd) {
    const wire = wireErrorOf(thrown);
    expect(typeof wire.message).toBe("string");
    expect(() => JSON.stringify(wire)).not.toThrow();
  }
  expect(wireErrorOf(new Map([["a", 1]])).message).toContain("Map");
});

it("keeps arguments that JSON can carry, and the text of others", () => {
  const error = Object.assign(new Error("m"), { args: [1, { a: [2n] }, Symbol("s"), Number.NaN] });
  expect(wireErrorOf(error).args).toEqual([1, { a: [2n] }, "Symbol(s)", "NaN"]);
});

it("matches subclasses by name, and lets the runner overrule what the error says of itself", () => {
  class Mine extends Error {}
  class Deeper extends Mine {}
  const error = Object.assign(new Deeper("m"), { retryable: true });
  expect(wireErrorOf(error, [Mine, Deeper, TypeError])).toMatchObject({ matches: ["Mine", "Deeper"], retryable: true });
  expect(wireErrorOf(error, [], false).retryable).toBe(false);
});

it("keeps arguments that are deep, as text where a reply would be too deep with them", () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  const args = (levels: number): unknown =>
    wireErrorOf(Object.assign(new Error("x"), { args: [deep(levels)] })).args[0];
  expect(args(20)).toEqual(deep(20));
  expect(args(63)).toBe(JSON.stringify(deep(63)));
});
