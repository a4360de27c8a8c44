import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { parseJson } from "./json.ts";
import type { Signature } from "./signature.ts";
import { decodeCall, type Embed, encodeTaskBody, noEmbed, splitTaskBody } from "./task-body.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (body: Uint8Array): string => Buffer.from(body).toString();
function failure(run: () => unknown): CeleriacError {
  try {
    run();
  } catch (error) {
    if (error instanceof CeleriacError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const signature: Signature = {
  task: "tasks.mul",
  args: [3],
  kwargs: {},
  options: { countdown: 1 },
  subtask_type: null,
  immutable: false,
};
const full: Embed = { callbacks: [signature], errbacks: [signature], chain: [signature, signature], chord: signature };

/** JSON text with the spaces and the awkward strings that Python or people might write. */
const space = fc.constantFrom("", " ", "\n ", "\t");
const awkward = fc.constantFrom(
  '"]"',
  '",{}]"',
  '"\\\\"',
  '"\\""',
  '", null]"',
  '"}"',
  '"\\\\\\"]"',
  '"é"',
  "1",
  "{}",
  "[]",
  "null",
);
const json = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, awkward, fc.json({ maxDepth: 1 }), tie("array"), tie("object")),
  array: fc
    .tuple(space, fc.array(tie("value"), { maxLength: 3 }), space)
    .map(([a, items, b]) => `[${a}${items.join(`${a},${b}`)}${b}]`),
  object: fc
    .tuple(
      space,
      fc.array(
        fc.tuple(
          awkward.filter((key) => key.startsWith('"')),
          tie("value"),
        ),
        { maxLength: 3 },
      ),
      space,
    )
    .map(([a, members, b]) => `{${a}${members.map(([key, value]) => `${key}${b}:${a}${value}`).join(`${a},`)}${b}}`),
}));
const embedText = fc.oneof(
  fc.constantFrom(
    "{}",
    "null",
    '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}',
    '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}',
    JSON.stringify(full),
    '{"extra": [1, {}]}',
    '{"extra": ", {}]"}',
  ),
);

describe("splitting", () => {
  test("finds what a parser finds, and changes no byte", () => {
    fc.assert(
      fc.property(json.array, json.object, embedText, space, space, (args, kwargs, embed, a, b) => {
        const body = `${a}[${b}${args}${b},${a}${kwargs}${a},${b}${embed}${a}]${b}`;
        const whole = parseJson(body) as unknown[];
        fc.pre(whole.length === 3);
        const { call, embed: read } = splitTaskBody(bytes(body));
        expect(body.startsWith(text(call).slice(0, -1))).toBe(true);
        expect(parseJson(call)).toEqual(whole.slice(0, 2));
        const sent = (whole[2] ?? {}) as Partial<Embed>;
        expect(read).toEqual({
          ...noEmbed,
          callbacks: sent.callbacks ?? null,
          errbacks: sent.errbacks ?? null,
          chain: sent.chain ?? null,
          chord: sent.chord ?? null,
        });
      }),
      { numRuns: 1000 },
    );
  });

  test("the fast road finds what the slow one finds", () => {
    for (const end of [
      ", {}]",
      ",{}]",
      ",null]",
      ', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
    ]) {
      const fast = splitTaskBody(bytes(`[["a"], {"k": 1}${end}`));
      const slow = splitTaskBody(bytes(` [["a"], {"k": 1}${end}`));
      expect(fast.embed).toBe(noEmbed);
      expect(decodeCall(fast.call)).toEqual(decodeCall(slow.call));
      expect(slow.embed).toEqual(noEmbed);
    }
  });

  test("what is written is split and read back", () => {
    const { call, embed } = splitTaskBody(encodeTaskBody([1, new Date(5)], { a: 2n ** 70n }, full));
    expect(decodeCall(call)).toEqual({ args: [1, new Date(5)], kwargs: { a: 2n ** 70n } });
    expect(embed).toEqual(full);
    expect(text(encodeTaskBody([], {}))).toBe("[[],{},{}]");
    expect(text(encodeTaskBody([], {}, { ...noEmbed }))).toBe("[[],{},{}]");
  });

  test("a single callback needs no list, and missing members are null", () => {
    const { embed } = splitTaskBody(bytes('[[],{},{"callbacks":{"task":"a.b"}}]'));
    expect(embed).toEqual({
      ...noEmbed,
      callbacks: [{ task: "a.b", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }],
    });
  });

  test("a large body is not parsed: only its last element is", () => {
    const body = bytes(`[["${"x".repeat(1_000_000)}", ${"[".repeat(1000)}${"]".repeat(1000)}],{},{}]`);
    expect(splitTaskBody(body).embed).toBe(noEmbed);
    expect(failure(() => decodeCall(splitTaskBody(body).call)).code).toBe("MESSAGE_UNDECODABLE");
  });
});

describe("what is refused", () => {
  test.each([
    ["two elements", "[[],{}]"],
    ["two elements with arguments", '[[1],{"a":1}]'],
    ["four elements", "[[],{},{},{}]"],
    ["no elements", "[]"],
    ["kwargs null", "[[],null,{}]"],
    ["kwargs a list", "[[],[],{}]"],
    ["args an object", "[{},{},{}]"],
    ["args null", "[null,{},{}]"],
    ["embed a list", "[[],{},[]]"],
    ["embed a number", "[[],{},5]"],
    ["a callback without task", '[[],{},{"callbacks":[{"args":[]}]}]'],
    ["a chain of numbers", '[[],{},{"chain":[1]}]'],
    ["__proto__ in the embed", '[[],{},{"__proto__":{"chain":null}}]'],
    ["nothing", ""],
    ["a string", '"[[],{},{}]"'],
    ["not JSON", "pickle!"],
    ["an unfinished string", '[["a],{},{}]'],
    ["an unfinished list", "[[],{},{}"],
    ["text after it", "[[],{},{}] x"],
    ["missing commas", "[[] {} {}]"],
    ["an empty element", "[[],,{}]"],
    ["5 million brackets", "[".repeat(5_000_000)],
    ["10 000 levels", `[${"[".repeat(10_000)}${"]".repeat(10_000)},{},{}]`],
    ["__proto__ in kwargs", '[[],{"__proto__":{"isAdmin":true}},{}]'],
    ["kwargs that are a tagged value", '[[],{"__type__":"date","__value__":"2030-01-02"},{}]'],
    ["two elements that look like three", "[{},{}]"],
    ["too many elements on the fast road", "[[],1,{},{}]"],
  ])("%s", (_name, body) => {
    expect(failure(() => decodeCall(splitTaskBody(bytes(body)).call)).code).toBe("MESSAGE_UNDECODABLE");
  });

  test.each(["[[],{}]", '[[1],{"a":1}]', "[[],null,{}]", "[[],[],{}]", "[[],5, {}]", "[null,{},{}]"])(
    "a wrong outline is found by the split, before anything is handed on: %s",
    (body) => {
      expect(failure(() => splitTaskBody(bytes(body))).code).toBe("MESSAGE_UNDECODABLE");
    },
  );

  test("protocol 1 by name", () => {
    const error = failure(() => splitTaskBody(bytes('{"task": "tasks.add", "id": "1", "args": [2, 2]}')));
    expect([error.code, error.details["protocol"]]).toEqual(["CONTENT_REFUSED", 1]);
    expect(error.message).toContain("task_protocol");
  });

  test("invalid UTF-8 in the call", () => {
    const body = Buffer.concat([bytes('[["'), Uint8Array.of(0xff), bytes('"],{},{}]')]);
    expect(failure(() => decodeCall(splitTaskBody(body).call)).code).toBe("MESSAGE_UNDECODABLE");
  });

  test("what a worker could not read is not written", () => {
    expect(failure(() => encodeTaskBody([NaN], {})).message).toContain("args[0]");
    expect(failure(() => encodeTaskBody([], { when: [() => 1] })).message).toContain("kwargs.when[0]");
    expect(
      failure(() => encodeTaskBody([], Object.assign(Object.create(null), { toJSON: () => 5 }))).message,
    ).toContain("kwargs");
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`k${index}`, 1]));
    expect(failure(() => encodeTaskBody([many], {})).code).toBe("NOT_SERIALIZABLE");
    let deep: unknown[] = [];
    for (let level = 0; level < 61; level += 1) deep = [deep];
    expect(decodeCall(splitTaskBody(encodeTaskBody([deep], {})).call).args).toEqual([deep]);
    expect(failure(() => encodeTaskBody([[deep]], {})).code).toBe("NOT_SERIALIZABLE");
  });

  describe("keys are counted as the worker counts them:", () => {
    const named = (count: number): Record<string, unknown> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${String(index)}`, 1]));
    const dates = (count: number): Date[] => Array.from({ length: count }, () => new Date(0));

    test("those of args and kwargs together", () => {
      const body = encodeTaskBody([named(6000)], named(4000));
      expect(Object.keys(decodeCall(splitTaskBody(body).call).kwargs)).toHaveLength(4000);
      const refused = failure(() => encodeTaskBody([named(6000)], named(4001)));
      expect(refused.code).toBe("NOT_SERIALIZABLE");
      expect(refused.message).toContain("10000 keys");
    });

    test("also where a value is written with care", () => {
      const body = encodeTaskBody([named(6000), 2n ** 70n], named(4000));
      expect(Object.keys(decodeCall(splitTaskBody(body).call).kwargs)).toHaveLength(4000);
      expect(failure(() => encodeTaskBody([named(6000), 2n ** 70n], named(4001))).code).toBe("NOT_SERIALIZABLE");
    });

    test("a tagged value has two", () => {
      expect(decodeCall(splitTaskBody(encodeTaskBody(dates(5000), {})).call).args).toHaveLength(5000);
      expect(failure(() => encodeTaskBody(dates(5001), {})).code).toBe("NOT_SERIALIZABLE");
    });

    test("a tagged value is one level more", () => {
      const at = (levels: number): unknown => (levels === 0 ? new Date(0) : [at(levels - 1)]);
      expect(decodeCall(splitTaskBody(encodeTaskBody([at(61)], {})).call).args).toEqual([at(61)]);
      expect(failure(() => encodeTaskBody([at(62)], {})).code).toBe("NOT_SERIALIZABLE");
    });
  });
});
