/** What events show of data is what Python would print of it, however it was made, and no more than a thousand characters of it. */

import { array, assert as hold, boolean, constant, dictionary, integer, oneof, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { argsRepr, kwargsRepr } from "../wire/repr.ts";
import { shownCall, shownCallJson, shownError, shownLog, shownResult } from "./exposure.ts";

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe("a call", () => {
  test.each([
    [[[], {}], "()", "{}"],
    [[[], { n: 1, ok: true, no: false, nothing: null }], "()", "{'n': 1, 'ok': True, 'no': False, 'nothing': None}"],
    [
      [[], { text: "true, null: and [1]", list: [1, "a", []] }],
      "()",
      "{'text': 'true, null: and [1]', 'list': [1, 'a', []]}",
    ],
    [[[], { text: "it's" }], "()", `{'text': "it's"}`],
    [[[], { text: "ü\n" }], "()", "{'text': 'ü\\n'}"],
    [[[1, "a"], { x: 2 }], "(1, 'a')", "{'x': 2}"],
    [[[7], {}], "(7,)", "{}"],
  ])("%j", (call, args, kwargs) => {
    expect(shownCall({}, bytes(call))).toEqual({ args, kwargs });
  });

  test("with the spaces of Python's JSON", () => {
    expect(shownCall({}, Buffer.from('[[],{"a": 1, "b": [true, {"c": null}]}]'))).toEqual({
      args: "()",
      kwargs: "{'a': 1, 'b': [True, {'c': None}]}",
    });
  });

  test("as it is printed from the values, whatever they are", () => {
    // The reader refuses a call with this key.
    const key = string().filter((name) => name !== "__proto__");
    const leaf = oneof(integer(), boolean(), constant(null), string(), string({ unit: "binary" }));
    const value = oneof(leaf, array(leaf, { maxLength: 4 }), dictionary(key, leaf, { maxKeys: 3 }));
    hold(
      property(dictionary(key, value, { maxKeys: 5, noNullPrototype: true }), (kwargs) => {
        const shown = { args: argsRepr([]), kwargs: kwargsRepr(kwargs) };
        expect(shownCall({}, bytes([[], kwargs]))).toEqual(shown);
        expect(JSON.parse(`{${shownCallJson({}, bytes([[], kwargs]))}}`)).toEqual(shown);
      }),
      { numRuns: 300 },
    );
  });

  test("with numbers as they came", () => {
    const kwargs = (json: string): string => shownCall({}, Buffer.from(`[[],{"a":${json}}]`)).kwargs;
    expect([kwargs("-0.5"), kwargs("1.5e3"), kwargs("12345678901234567890")]).toEqual([
      "{'a': -0.5}",
      "{'a': 1500}",
      "{'a': 12345678901234567890}",
    ]);
  });

  test("as its sender printed it, if he did", () => {
    const { args } = JSON.parse(
      `{${shownCallJson({ argsrepr: "('***',)", kwargsrepr: "{}" }, bytes([[], { secret: 1 }]))}}`,
    ) as { readonly args: string };
    expect(args).toBe("('***',)");
    expect(shownCall({ argsrepr: "('***',)", kwargsrepr: "{}" }, bytes([["secret"], {}])).args).toBe("('***',)");
  });
  test("of a tagged value", () => {
    const day = { __type__: "date", __value__: "2030-01-02" };
    expect(shownCall({}, bytes([[], { day }])).kwargs).toBe("{'day': '2030-01-02'}");
  });
  test("large, or none at all, in few words", () => {
    expect(shownCall({}, bytes([[], { x: "y".repeat(2_000) }])).kwargs).toHaveLength(1_024);
    expect(shownCall({}, bytes([["y".repeat(20_000)], {}]))).toEqual({ args: "(<20009 bytes>)", kwargs: "{}" });
    expect(shownCall({}, Buffer.from("[[],{"))).toEqual({ args: "(<5 bytes>)", kwargs: "{}" });
  });
});

test.each([
  ["4", "4"],
  ["-12345678901234", "-12345678901234"],
  ["null", "None"],
  ["true", "True"],
  ['"it"', "'it'"],
  ['{"a":[1]}', "{'a': [1]}"],
  ["12345678901234567890", "12345678901234567890"],
])("the result %s", (json, shown) => {
  expect(shownResult(Buffer.from(json))).toBe(shown);
});

test("a result that is large or no JSON", () => {
  expect(shownResult(bytes("x".repeat(20_000)))).toBe("<20002 bytes>");
  expect(shownResult(Buffer.from("{"))).toBe("'{'");
});

test("a line of a log, without its end where it is a book", () => {
  expect(shownLog("slow", '{"by":3}')).toEqual({ text: "slow", fields: { by: 3 } });
  expect(shownLog("slow", null)).toEqual({ text: "slow", fields: null });
  const book = shownLog("x".repeat(100_000), JSON.stringify({ y: "y".repeat(100_000) }));
  expect(book.text).toHaveLength(16_384);
  expect(book.fields).toBeNull();
});

test("an error", () => {
  expect(shownError({ type: "KeyError", args: ["k", 1] })).toBe("KeyError('k', 1)");
});
