import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { bindInput, toCallArguments, validateInput } from "./input.ts";
import { type AnyTaskOptions, defineTask } from "./options.ts";

const define = (options: AnyTaskOptions = {}, handler: (input: unknown) => unknown = (input) => input) =>
  defineTask("t", options, handler, "celery");
const codeOf = (run: () => unknown): string => {
  try {
    return JSON.stringify(run());
  } catch (error) {
    return (error as CeleriacError).code;
  }
};

describe("binding", () => {
  it("follows the table", () => {
    const plain = define();
    expect(bindInput(plain, [], {})).toEqual({});
    expect(bindInput(plain, [], { a: 1 })).toEqual({ a: 1 });
    expect(bindInput(plain, ["x"], {})).toBe("x");
    expect(bindInput(plain, [null], {})).toBe(null);
    expect(bindInput(plain, [{ a: 1, b: 1 }], { b: 2 })).toEqual({ a: 1, b: 2 });
    expect(codeOf(() => bindInput(plain, [5], { b: 2 }))).toBe("INPUT_NOT_MERGEABLE");
    expect(codeOf(() => bindInput(plain, [[1]], { b: 2 }))).toBe("INPUT_NOT_MERGEABLE");
    expect(codeOf(() => bindInput(plain, [new Date(0)], { b: 2 }))).toBe("INPUT_NOT_MERGEABLE");
    expect(codeOf(() => bindInput(plain, [1, 2], {}))).toBe("INPUT_ARITY");
  });

  it("lets a handler without a required parameter have its default", () => {
    const withDefault = (n: unknown = 5): unknown => n;
    expect(bindInput(define({}, withDefault), [], {})).toBeUndefined();
    expect(withDefault(bindInput(define({}, withDefault), [], {}))).toBe(5);
  });

  it("names positions", () => {
    const add = define({ positional: ["x", "y", "z?"] });
    expect(bindInput(add, [1, 2], {})).toEqual({ x: 1, y: 2 });
    expect(bindInput(add, [1], { z: 3, y: 2 })).toEqual({ x: 1, y: 2, z: 3 });
    // Positions win over "an object is keyword arguments".
    expect(bindInput(add, [{ x: 1 }, 2], {})).toEqual({ x: { x: 1 }, y: 2 });
    expect(codeOf(() => bindInput(add, [1], { x: 1, y: 2 }))).toBe("INPUT_CONFLICT");
    expect(codeOf(() => bindInput(add, [1, 2, 3, 4], {}))).toBe("INPUT_ARITY");
    expect(codeOf(() => bindInput(add, [1], {}))).toBe("INPUT_ARITY");
    expect(codeOf(() => bindInput(add, [1, 2], { w: 1 }))).toBe("INPUT_ARITY");
    expect(bindInput(define({ positional: ["x"], rest: "ignore" }), [1], { w: 1 })).toEqual({ x: 1 });
  });

  it("refuses as Python does, and for good", () => {
    const add = define({ positional: ["x"] });
    expect(() => bindInput(add, [], {})).toThrow(
      expect.objectContaining({
        name: "TypeError",
        module: "builtins",
        retryable: false,
        args: ["t() missing required arguments: 'x'"],
      }),
    );
  });

  it("leaves raw arguments alone", () => {
    const raw = define({ raw: true });
    expect(bindInput(raw, [1, 2], { a: 1 })).toEqual({ args: [1, 2], kwargs: { a: 1 } });
    expect(toCallArguments(raw, { args: [1], kwargs: {} })).toEqual({ args: [1], kwargs: {} });
    expect(codeOf(() => toCallArguments(raw, [1]))).toBe("INPUT_INVALID");
  });

  it("is the inverse of calling", () => {
    const cases: readonly (readonly [AnyTaskOptions, unknown])[] = [
      [{}, { a: 1 }],
      [{}, { a: { b: [1] } }],
      [{}, [1, 2]],
      [{}, "text"],
      [{}, 0],
      [{}, null],
      [{}, new Date(0)],
      [{ positional: ["x", "y?", "z?"] }, { x: 1 }],
      [{ positional: ["x", "y?", "z?"] }, { x: 1, z: 3 }],
      [{ positional: ["x", "y?", "z?"] }, { x: 1, y: 2, z: 3 }],
    ];
    for (const [options, input] of cases) {
      const definition = define(options);
      const { args, kwargs } = toCallArguments(definition, input);
      expect(bindInput(definition, args, kwargs)).toEqual(input);
    }
  });

  it("sends what is absent so that the handler sees it as absent", () => {
    // `(input?: { n: number }) => …` has one parameter; an empty object would pretend to be an input.
    expect(toCallArguments(define(), undefined)).toEqual({ args: [null], kwargs: {} });
    expect(
      toCallArguments(
        define({}, () => 1),
        undefined,
      ),
    ).toEqual({ args: [], kwargs: {} });
    expect(toCallArguments(define({ input: z.number().optional() }), undefined)).toEqual({ args: [], kwargs: {} });
  });
});

describe("a schema", () => {
  it("gives its output, at once or later", async () => {
    expect(validateInput(define({ input: z.object({ n: z.number().default(1) }) }), {})).toEqual({ n: 1 });
    expect(validateInput(define({ input: v.pipe(v.string(), v.transform(Number)) }), "3")).toBe(3);
    const later = define({ input: z.string().refine(async (text) => text === "ok") });
    expect(await validateInput(later, "ok")).toBe("ok");
    await expect(validateInput(later, "no")).rejects.toMatchObject({ code: "INPUT_INVALID" });
  });

  it("may take an empty object or nothing, which are one on the wire", async () => {
    expect(validateInput(define({ input: z.number().optional() }), {})).toBeUndefined();
    expect(validateInput(define({ input: z.object({ n: z.number().default(1) }) }), undefined)).toEqual({ n: 1 });
    const later = define({
      input: z
        .number()
        .optional()
        .refine(async () => true),
    });
    expect(await validateInput(later, {})).toBeUndefined();
    expect(codeOf(() => validateInput(define({ input: z.number() }), {}))).toBe("INPUT_INVALID");
  });

  it("says what does not fit, and where", () => {
    const definition = define({ input: v.object({ rows: v.array(v.object({ n: v.number() })) }) });
    expect(() => validateInput(definition, { rows: [{ n: 1 }, { n: "2" }] })).toThrow(
      expect.objectContaining({
        code: "INPUT_INVALID",
        message: expect.stringContaining("rows.1.n"),
        details: { task: "t", issues: [{ path: ["rows", "1", "n"], message: expect.any(String) }] },
      }),
    );
  });
});
