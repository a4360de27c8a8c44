import { expect, test } from "vitest";
import { z } from "zod";
import { coverCall } from "../wire/cover.ts";
import { argsRepr, kwargsRepr } from "../wire/repr.ts";
import type { CallArguments } from "./input.ts";
import { validateInput } from "./input.ts";
import { defineTask } from "./options.ts";
import type { Redact } from "./redact.ts";

function shown(redact: Redact, call: Partial<CallArguments>, positional?: readonly string[]): string {
  const whole = { args: [], kwargs: {}, ...call };
  const options = positional === undefined ? { redact } : { redact, positional };
  const { redact: rule } = defineTask("t", options, () => 1, "q");
  const covered = coverCall(whole, rule?.(whole) ?? []);
  return `${argsRepr(covered.args)} ${kwargsRepr(covered.kwargs)}`;
}

test("a path covers the keyword, the member of the one argument, and the position of its name", () => {
  expect(shown(["card.number"], { kwargs: { card: { number: 4, cvc: 5 } } })).toBe(
    "() {'card': {'number': ***, 'cvc': 5}}",
  );
  expect(shown(["key"], { args: [{ key: "x", n: 1 }] })).toBe("({'key': ***, 'n': 1},) {}");
  expect(shown(["key"], { args: [1, "x"] }, ["n", "key"])).toBe("(1, ***) {}");
  expect(shown(["users.*.token"], { kwargs: { users: [{ token: 1, n: 2 }] } })).toBe(
    "() {'users': [{'token': ***, 'n': 2}]}",
  );
  expect(shown(["1"], { args: ["a", "b"] })).toBe("('a', ***) {}");
  expect(shown(["*"], { args: ["a"], kwargs: { b: 1 } })).toBe("(***,) {'b': ***}");
});

test("a function names the paths of each call; one that fails covers all", () => {
  const tokens: Redact = ({ kwargs }) => Object.keys(kwargs).filter((name) => name.endsWith("_token"));
  expect(shown(tokens, { kwargs: { a_token: "x", b: 1 } })).toBe("() {'a_token': ***, 'b': 1}");
  const failing: Redact = () => {
    throw new Error("no");
  };
  for (const bad of [failing, (() => "x") as never, (() => [7]) as never]) {
    expect(shown(bad, { args: [1], kwargs: { b: 1 } })).toBe("(***,) {'b': ***}");
  }
});

test.each([[""], ["a..b"], [".a"], [7], Array<string>(51).fill("a")])("refuses paths that are none: %j", (...paths) => {
  expect(() => defineTask("t", { redact: paths as string[] }, () => 1, "q")).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID" }),
  );
});

test("a schema that quotes what it refuses does not quote what is redacted", () => {
  const quoting = z.object({ key: z.string().refine(() => false, { error: ({ input }) => `not ${String(input)}` }) });
  const definition = defineTask("t", { input: quoting, redact: ["key"] }, () => 1, "q");
  expect(() => validateInput(definition, { key: "sk-canary-4711" })).toThrow(/key: not \*\*\*/);
});
