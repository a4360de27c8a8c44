/** How Python's ways of taking arguments are called from here, and how names are kept apart. */

import { describe, expect, test } from "vitest";
import { callType, comment, identifier } from "./declaration.ts";
import { declareTasks, moduleText } from "./declaration-module.ts";
import type { Parameter, PythonSignature, Shape } from "./signature-reader.ts";

const number: Shape = { kind: "plain", name: "number" };
const record: Shape = { kind: "record", of: number };
const unknown: Shape = { kind: "unknown", python: "" };

/** "x", "x?" for one with a default, "x!" for one that stands before the slash; "*x" and "**x"; those after a "*" have names only. */
function signature(text: string, shape: Shape = number, result: Shape = number): PythonSignature {
  let kind: Parameter["kind"] = "either";
  const parameters: Parameter[] = [];
  for (const word of text.split(" ").filter((each) => each !== "")) {
    const name = word.replace(/[*?!]/g, "");
    const own = word.startsWith("**")
      ? "rest-keywords"
      : word.startsWith("*")
        ? "rest"
        : word.endsWith("!")
          ? "position"
          : kind;
    if (word.startsWith("*")) kind = "keyword";
    if (name !== "") parameters.push({ name, kind: own, optional: word.includes("?"), shape });
  }
  return { parameters, result, doc: "", source: "module", file: "" };
}

describe("a call", () => {
  test.each([
    ["", "() => number"],
    ["x y", "(x: number, y: number) => number"],
    ["x y?", "(x: number, y?: number) => number"],
    ["x *rest", "(x: number, ...rest: number[]) => number"],
    ["* x y?", "(kwargs: { x: number; y?: number }) => number"],
    ["* x?", "(kwargs?: { x?: number }) => number"],
    ["x * y", "(kwargs: { x: number; y: number }) => number"],
    ["x * y?", "(...call: [x: number] | [kwargs: { x: number; y?: number }]) => number"],
    ["x **more", "(...call: [x: number] | [kwargs: { x: number; [name: string]: unknown }]) => number"],
    ["**more", "(kwargs?: Record<string, number>) => number"],
    ["x! y", "(x: number, y: number) => number"],
    ["x! * y?", "(x: number) => number"],
    [
      "x! * y",
      "(...args: unknown[]) => unknown /* it needs positional and keyword arguments, which cannot be sent together from here */",
    ],
    ["class this", "(class_: number, this_: number) => number"],
  ])("of (%s)", (text, expected) => {
    expect(callType(signature(text))).toBe(expected);
  });

  test.each([
    ["options", "(kwargs: { options: Record<string, number> }) => number"],
    ["options more?", "(kwargs: { options: Record<string, number>; more?: Record<string, number> }) => number"],
    ["options more", "(options: Record<string, number>, more: Record<string, number>) => number"],
    ["options!", "(options: Record<string, number>) => number"],
  ])("with an object for its only argument, (%s), is no set of keyword arguments by mistake", (text, expected) => {
    expect(callType(signature(text, record))).toBe(expected);
  });

  test("with one argument that may be anything is by name", () => {
    expect(callType(signature("value", unknown))).toBe("(kwargs: { value: unknown }) => number");
    expect(callType(signature("value", { kind: "union", of: [number, record] }))).toContain("kwargs");
    expect(callType(signature("value", { kind: "list", of: record }))).toBe(
      "(value: Record<string, number>[]) => number",
    );
  });
});

describe("a type", () => {
  const typeOf = (shape: Shape): string => callType(signature("", number, shape)).replace("() => ", "");
  const text: Shape = { kind: "plain", name: "string" };

  test.each<[string, Shape]>([
    ["(number | string)[]", { kind: "list", of: { kind: "union", of: [number, text, number] } }],
    ["[number, string[]]", { kind: "tuple", of: [number, { kind: "list", of: text }] }],
    ['"a" | 1 | true', { kind: "union", of: ["a", 1, true].map((value) => ({ kind: "literal", value })) }],
    ["Record<string, never>", { kind: "object", members: [] }],
    ['{ "a-b"?: number }', { kind: "object", members: [{ name: "a-b", optional: true, shape: number }] }],
    ["unknown /* set[int] */", { kind: "union", of: [number, { kind: "unknown", python: "set[int]" }] }],
    ["(unknown /* a *\\/ b */)[]", { kind: "list", of: { kind: "unknown", python: "a */ b" } }],
    ['"\\u{1b}"', { kind: "literal", value: "\u001b" }],
  ])("%s", (expected, shape) => {
    expect(typeOf(shape).replace("\\u001b", "\\u{1b}")).toBe(expected);
  });
});

describe("a name", () => {
  test.each([
    ["add", "add"],
    ["send-mail now", "send_mail_now"],
    ["3d", "_3d"],
    ["delete", "delete_"],
    ["größe", "größe"],
    ["", "_"],
  ])("%j becomes %s", (name, expected) => {
    expect(identifier(name)).toBe(expected);
  });

  const constants = (...names: readonly string[]): readonly string[] =>
    declareTasks(names.map((name) => ({ name, module: "m", queues: [], finding: { problem: "p" } }))).map(
      (task) => task.constant,
    );

  test("is as long as it must be to be the only one", () => {
    expect(constants("a.tasks.add", "b.tasks.add", "b.tasks.sub")).toEqual(["a_tasks_add", "b_tasks_add", "sub"]);
    expect(constants("a.b", "a_b", "b")).toEqual(["a_b", "a_b_2", "b"]);
    expect(constants("x.app", "x.Decimal")).toEqual(["x_Decimal", "x_app"]);
  });
});

describe("a module", () => {
  test("cannot be broken by what others wrote", () => {
    const hostile = 'x"; process.exit() //\u2028*/ "\n';
    const finding = { ...signature("x"), doc: `${hostile}\n\nmore` };
    const tasks = declareTasks([
      { name: `t.${hostile}`, module: `${hostile}\nprocess.exit()`, queues: [hostile], finding },
      { name: "t.unknown", module: hostile, queues: [hostile, "b"], finding: { problem: hostile } },
    ]);
    const lines = moduleText(tasks, 'import { app } from "./app.ts";').split("\n");
    const code = lines.filter((line) => !/^(\/\/ |\/\*\*? .*\*\/$|\/\*\*$| \* | \*\/$|$)/.test(line));
    expect(
      code.filter(
        (line) =>
          !/^(import|export const [\w$]+ = app\.remote<.*>\("(?:[^"\\]|\\.)*"(?:, \{ queue: "(?:[^"\\]|\\.)*" \})?\);$)/.test(
            line,
          ),
      ),
    ).toEqual([]);
    expect(code).toHaveLength(3);
    expect(lines.filter((line) => /^(\/\*\*| \*).*\*\/./.test(line))).toEqual([]);
  });

  test("says the queue where there is one, and all where there are several", () => {
    const task = (name: string, ...queues: readonly string[]) => ({
      name,
      module: "m",
      queues,
      finding: signature(""),
    });
    const text = moduleText(declareTasks([task("m.a"), task("m.b", "gpu"), task("m.c", "gpu", "ml")]), "");
    expect(text).toContain('export const a = app.remote<() => number>("m.a");');
    expect(text).toContain('export const b = app.remote<() => number>("m.b", { queue: "gpu" });');
    expect(text).toContain(
      '/** Its workers take from the queues gpu, ml. */\nexport const c = app.remote<() => number>("m.c");',
    );
  });

  test("imports the classes that it names, and no others", () => {
    const tasks = declareTasks([
      { name: "a", module: "", queues: [], finding: signature("x", { kind: "plain", name: "Decimal" }) },
      { name: "b", module: "", queues: [], finding: signature("x", { kind: "literal", value: "Uuid" }) },
      { name: "c", module: "", queues: [], finding: signature("x y", { kind: "unknown", python: "PlainDate" }) },
    ]);
    expect(moduleText(tasks, "").split("\n")[2]).toBe('import type { Decimal } from "celeriac";');
  });

  test("has comments without control characters", () => {
    expect(comment("a\u001b[31m */ b")).toBe("a\\u{1b}[31m *\\/ b");
  });
});
