import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { parseJson, stringifyJson } from "./json.ts";
import { readJson } from "./json-reader.ts";
import { scanJson } from "./json-scan.ts";
import { writeJson } from "./json-writer.ts";
import { Decimal, PlainDate, PlainTime, Uuid } from "./tagged.ts";

function failure(run: () => unknown): CeleriacError {
  try {
    run();
  } catch (error) {
    if (error instanceof CeleriacError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const unicode = fc.string({ unit: "binary" });
const key = unicode.filter((name) => name !== "__proto__" && name !== "constructor");
const leaf = fc.oneof(
  unicode,
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  fc.integer(),
  fc.bigInt().filter((value) => value > 2n ** 53n || value < -(2n ** 53n)),
);
const tagged = fc.oneof(
  fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }),
  fc.uint8Array(),
  fc.uuid().map((text) => new Uuid(text)),
  fc.bigInt().map((value) => new Decimal(`${value}.10`)),
  fc.constant(new PlainDate("2030-01-02")),
  fc.constant(new PlainTime("03:04:05.678901")),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    tagged,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe("round trips", () => {
  test("what is written is read back", () => {
    fc.assert(
      fc.property(value, (sent) => {
        expect(parseJson(stringifyJson(sent))).toEqual(sent);
      }),
    );
  });

  test("bytes and text read alike", () => {
    fc.assert(
      fc.property(value, (sent) => {
        const text = stringifyJson(sent);
        expect(parseJson(Buffer.from(text))).toEqual(parseJson(text));
      }),
    );
  });

  test("the careful reader and writer agree with JSON's own", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (text) => {
        fc.pre(scanJson(text, 64, 10_000) === "plain");
        const plain: unknown = JSON.parse(text);
        expect(readJson(text, 64)).toEqual(plain);
        expect(JSON.parse(writeJson(plain, "value", 64, Infinity))).toEqual(JSON.parse(JSON.stringify(plain)));
      }),
    );
  });

  test("the fast road is never taken to another value than the careful one", () => {
    const fragment = fc.constantFrom(
      '"',
      "\\",
      "\\u005f",
      "__proto__",
      "__type__",
      "__value__",
      ":",
      ",",
      "{",
      "}",
      "[",
      "]",
      "1",
      "12345678901234567",
      ".",
      "e",
      "-",
      "NaN",
      "Infinity",
      "null",
      "true",
      " ",
      "date",
      "2030-01-02",
      "constructor",
      "prototype",
      "\\u0063onstructor",
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 20 }), (parts) => {
        const text = parts.join("");
        const outcome = (run: () => unknown): unknown => {
          try {
            return { value: run() };
          } catch {
            return "refused";
          }
        };
        // Longer texts are looked at in another way.
        const long = "x".repeat(300);
        for (const whole of [text, `["${long}",${text}]`, `{"body":"${long} \\"[\\"","v":${text}}`])
          expect(outcome(() => parseJson(whole))).toEqual(outcome(() => readJson(whole, 64)));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("reading", () => {
  test("integers of any size are exact", () => {
    expect(
      parseJson("[9007199254740991, 9007199254740992, -9007199254740993, 123456789012345678901234567890]"),
    ).toEqual([9007199254740991, 9007199254740992n, -9007199254740993n, 123456789012345678901234567890n]);
    expect(parseJson("[1e300, 0.30000000000000004, 1795223860.084839, 1E16, 1234567890123456.5]")).toEqual([
      1e300, 0.30000000000000004, 1795223860.084839, 1e16, 1234567890123456.5,
    ]);
  });

  test("NaN and the infinities are read", () => {
    expect(parseJson('{"a":[NaN,Infinity,-Infinity]}')).toEqual({ a: [NaN, Infinity, -Infinity] });
    expect(() => parseJson("[Infinit]")).toThrow(CeleriacError);
    expect(() => parseJson("[-NaN]")).toThrow(CeleriacError);
  });

  test("tagged values become what they mean", () => {
    expect(parseJson('{"__type__": "datetime", "__value__": "2030-01-02T03:04:05.678901+00:00"}')).toEqual(
      new Date("2030-01-02T03:04:05.678Z"),
    );
    expect(parseJson('{"__type__":"uuid","__value__":{"hex":"12345678123456781234567812345678"}}')).toEqual(
      new Uuid("12345678-1234-5678-1234-567812345678"),
    );
    expect(parseJson('{"__value__":"abc","__type__":"bytes"}')).toEqual(new Uint8Array([97, 98, 99]));
    expect(parseJson('{"\\u005f_type__":"date","__value__":"2030-01-02"}')).toEqual(new PlainDate("2030-01-02"));
  });

  test("objects that only look tagged stay objects", () => {
    const custom = { __type__: "Money", __value__: [1, "EUR"] };
    expect(parseJson(JSON.stringify(custom))).toEqual(custom);
    const extra = { __type__: "date", __value__: "2030-01-02", more: 1 };
    expect(parseJson(JSON.stringify(extra))).toEqual(extra);
    expect(parseJson('{"__type__":"date"}')).toEqual({ __type__: "date" });
    expect(parseJson('{"__type__":"constructor","__value__":1}')).toEqual({ __type__: "constructor", __value__: 1 });
  });

  test.each([
    '{"__type__":"datetime","__value__":"tomorrow"}',
    '{"__type__":"date","__value__":"2030-13-02"}',
    '{"__type__":"decimal","__value__":"1,5"}',
    '{"__type__":"uuid","__value__":{"int":5}}',
    '{"__type__":"base64","__value__":"*"}',
    '{"__type__":"bytes","__value__":5}',
  ])("a value that does not fit its tag is refused: %s", (text) => {
    expect(failure(() => parseJson(text)).code).toBe("MESSAGE_UNDECODABLE");
  });

  test.each([
    ["__proto__", '{"__proto__":{"isAdmin":true}}'],
    ["__proto__ escaped", '[{"\\u005f\\u005fproto\\u005f_":{"isAdmin":true}}]'],
    ["__proto__ with one escaped letter", '{"__prot\\u006f__":1}'],
    ["constructor.prototype", '{"a":{"constructor":{"prototype":{"isAdmin":true}}}}'],
    ["constructor.prototype escaped", '{"c\\u006fnstructor":{"protot\\u0079pe":1}}'],
  ])("keys that reach a prototype are refused: %s", (_name, text) => {
    expect(failure(() => parseJson(text)).code).toBe("MESSAGE_UNDECODABLE");
  });

  test("the word constructor is fine elsewhere", () => {
    const value = { constructor: "McLaren", list: ["constructor", "__proto__"] };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
    expect(JSON.parse(stringifyJson(value))).toEqual(value);
  });

  test("depth is counted before anything is built", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(64))).toBeDefined();
    expect(failure(() => parseJson(nested(65))).message).toContain("64");
    expect(failure(() => parseJson(nested(10_000))).code).toBe("MESSAGE_UNDECODABLE");
    expect(failure(() => parseJson("[".repeat(5_000_000))).code).toBe("MESSAGE_UNDECODABLE");
    expect(failure(() => parseJson('{"a":'.repeat(100_000))).code).toBe("MESSAGE_UNDECODABLE");
    expect(() => parseJson(`{"__type__":${nested(64)}}`)).toThrow(CeleriacError);
    expect(parseJson('["[[[[", "]"]', { depth: 1 })).toEqual(["[[[[", "]"]);
  });

  test("keys are counted over the whole text", () => {
    const table = (keys: number): string => JSON.stringify(Array.from({ length: keys }, () => ({ k: ":" })));
    expect(parseJson(table(10_000))).toHaveLength(10_000);
    expect(failure(() => parseJson(table(10_001))).message).toContain("10000");
    expect(parseJson(table(20_000), { keys: 20_000 })).toHaveLength(20_000);
  });

  test.each([
    ["nothing", ""],
    ["a byte order mark", "\ufeff[]"],
    ["two values", "[] []"],
    ["a control character in a string", '["\u0001"]'],
    ["a bad escape", '["\\x41"]'],
    ["a trailing comma", "[1,]"],
    ["a leading zero", "[01]"],
    ["an unfinished string", '["abc'],
    ["an unfinished object", '{"a":NaN'],
    ["single quotes", "{'a':1}"],
    ["undefined", "undefined"],
    ["a very long integer", `[${"9".repeat(4301)}]`],
  ])("refuses %s", (_name, text) => {
    expect(failure(() => parseJson(text)).code).toBe("MESSAGE_UNDECODABLE");
  });

  test("invalid UTF-8 is refused, not patched", () => {
    expect(failure(() => parseJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).message).toContain("UTF-8");
    expect(failure(() => parseJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).message).toContain("UTF-8");
  });

  test("lone surrogates come through as they were escaped", () => {
    expect(parseJson('["\\ud800", "\\udc00x"]')).toEqual(["\ud800", "\udc00x"]);
    expect(stringifyJson(["\ud800"])).toBe('["\\ud800"]');
  });

  test("an error never quotes the text, which may be a secret", () => {
    expect(failure(() => parseJson('{"password": hunter2}')).message).not.toContain("hunter");
  });
});

describe("writing", () => {
  test("compact, with bare integers and tagged values", () => {
    expect(
      stringifyJson({
        id: 2n ** 64n,
        at: new Date("2030-01-02T03:04:05.678Z"),
        raw: Uint8Array.of(255, 0),
        day: new PlainDate("2030-01-02"),
        price: new Decimal("1.10"),
        key: new Uuid("12345678123456781234567812345678"),
        gone: undefined,
      }),
    ).toBe(
      '{"id":18446744073709551616,"at":{"__type__":"datetime","__value__":"2030-01-02T03:04:05.678000+00:00"},' +
        '"raw":{"__type__":"base64","__value__":"/wA="},"day":{"__type__":"date","__value__":"2030-01-02"},' +
        '"price":{"__type__":"decimal","__value__":"1.10"},"key":{"__type__":"uuid","__value__":{"hex":"12345678123456781234567812345678"}}}',
    );
  });

  test("a whole number beyond 2^53 stays a float", () => {
    expect(stringifyJson([1e20, 2 ** 53])).toBe("[1e+20,9.007199254740992e+15]");
    expect(parseJson(stringifyJson([1e20, 2 ** 53]))).toEqual([1e20, 2 ** 53]);
  });

  test("nothing at all is null", () => {
    expect(stringifyJson(undefined)).toBe("null");
    expect(stringifyJson({ a: undefined })).toBe("{}");
  });

  test("toJSON is honoured once", () => {
    class Money {
      toJSON(key: string): unknown {
        return { key, amount: 5n };
      }
    }
    expect(stringifyJson({ price: new Money() })).toBe('{"price":{"key":"price","amount":5}}');
    expect(stringifyJson({ toJSON: () => 5 })).toBe("5");
    expect(stringifyJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
    expect(stringifyJson([new URL("https://example.org/")])).toBe('["https://example.org/"]');
  });

  class Point {
    x = 1;
  }
  const cyclic: Record<string, unknown> = { a: {} };
  cyclic["a"] = { b: [cyclic] };
  test.each<[string, unknown, string]>([
    ["NaN", { a: [1, NaN] }, "value.a[1]"],
    ["Infinity", -Infinity, "value"],
    ["a function", { a: { b: () => 1 } }, "value.a.b"],
    ["a symbol", [Symbol("s")], "value[0]"],
    ["undefined in an array", { "my key": [1, undefined] }, 'value["my key"][1]'],
    ["a hole", [1, , 2], "value[1]"], // oxlint-disable-line no-sparse-arrays
    ["a Map", { a: new Map() }, "value.a"],
    ["a Set", { a: new Set() }, "value.a"],
    ["a class instance", [new Point()], "value[0]"],
    ["an Error", new Error("x"), "value"],
    ["a RegExp", { a: /x/ }, "value.a"],
    ["an invalid Date", { a: new Date(NaN) }, "value.a"],
    ["a Date before the year 1", { a: new Date(-1e15) }, "value.a"],
    ["a cycle", cyclic, "value.a.b[0]"],
    ["other typed arrays", { a: new Float64Array(1) }, "value.a"],
    ["an own __proto__", JSON.parse('{"a":{"__proto__":1}}'), "value.a.__proto__"],
    ["constructor.prototype", { constructor: { prototype: 1 } }, "value.constructor"],
    ["a boxed number", [Object(1)], "value[0]"],
    ["a promise", { a: Promise.resolve(1) }, "value.a"],
    ["an endless integer", [10n ** 4300n], "value[0]"],
  ])("refuses %s and names the path", (_name, value, path) => {
    const error = failure(() => stringifyJson(value));
    expect(error.code).toBe("NOT_SERIALIZABLE");
    expect(error.details["path"]).toBe(path);
    expect(error.message.startsWith(path)).toBe(true);
  });

  test("what a reader would refuse is not written", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 65; level += 1) deep = [deep];
    expect(failure(() => stringifyJson(deep)).message).toContain("64");
    expect(failure(() => stringifyJson({ a: 1, b: { c: 2 } }, { limits: { keys: 2 } })).message).toContain("2 keys");
    let fits: unknown = 1;
    for (let level = 0; level < 64; level += 1) fits = [fits];
    expect(parseJson(stringifyJson(fits))).toEqual(fits);
    let wide: unknown = 1n;
    for (let level = 0; level < 10_000; level += 1) wide = { wide };
    expect(failure(() => stringifyJson(wide)).code).toBe("NOT_SERIALIZABLE");
  });

  test("one object in two places is no cycle", () => {
    const shared = { at: new Date(0) };
    expect(parseJson(stringifyJson({ a: shared, b: [shared, shared] }))).toEqual({ a: shared, b: [shared, shared] });
  });

  test("an error of toJSON is the cause", () => {
    const reason = new Error("locked");
    const error = failure(() =>
      stringifyJson({
        a: {
          toJSON() {
            throw reason;
          },
        },
      }),
    );
    expect(error.cause).toBe(reason);
  });

  test("the name of the root is the caller's", () => {
    expect(failure(() => stringifyJson([NaN], { root: "args" })).message).toContain("args[0]");
  });

  test("reading __proto__ changes no prototype", () => {
    expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
  });
});
