/** What is read before anything is done: the action as it was posted, and arguments as events show them. */

import { expect, test } from "vitest";
import { readAction } from "./reading.ts";
import { readLiteral } from "./literal.ts";

test("what is posted is taken field by field, and nothing else", () => {
  expect(readAction({ do: "queue.pause", queue: "mail" })).toEqual({ do: "queue.pause", queue: "mail" });
  for (const [body, field] of [
    [null, "body"],
    [[], "body"],
    [{}, "do"],
    [{ do: "constructor" }, "do"],
    [{ do: "task.retry", tasks: { ids: "x" } }, "tasks.ids"],
    [{ do: "task.retry", tasks: { ids: [""] } }, "tasks.ids"],
    [{ do: "task.retry", tasks: { ids: Array(10_001).fill("x") } }, "tasks.ids"],
    [{ do: "task.retry", tasks: { filter: { state: ["happy"] }, expect: 1 } }, "tasks.filter.state"],
    [{ do: "task.retry", tasks: { filter: { where: "1=1" }, expect: 1 } }, "tasks.filter.where"],
    [{ do: "task.retry", tasks: { filter: {}, expect: "many" } }, "tasks.expect"],
    [{ do: "task.retry", tasks: { ids: ["x"] }, force: true }, "force"],
    [{ do: "worker.grow", worker: "w", by: 1e9 }, "by"],
    [{ do: "worker.grow", worker: "w", by: Number.NaN }, "by"],
    [{ do: "limit.rate", task: "t", rate: "often" }, "rate"],
    [{ do: "task.revoke", tasks: { ids: ["x"] }, signal: "SIGSEGV" }, "signal"],
  ] as const) {
    expect(() => readAction(body), JSON.stringify(body).slice(0, 100)).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", field }),
    );
  }
  expect(() => readAction({ do: "queue.pause", queue: "unacked" })).toThrow(
    expect.objectContaining({ code: "NAME_INVALID" }),
  );
});

test("Python's literals are read, and nothing that is none", () => {
  for (const [text, value] of [
    ["()", []],
    ["(1,)", [1]],
    ["(2, 'a')", [2, "a"]],
    [
      `[1, -2.5, 1e3, True, False, None, "it's", 'a\\\\b\\n\\x41\\u00e9']`,
      [1, -2.5, 1000, true, false, null, "it's", "a\\b\nA\u00e9"],
    ],
    ["{'a': {'b': [1, (2, 3)]}}", { a: { b: [1, [2, 3]] } }],
    ["123456789012345678901", 123456789012345678901n],
  ] as const) {
    expect(readLiteral(text)?.value, text).toEqual(value);
  }
  for (const text of [
    "",
    "(",
    "[1",
    "(1)",
    "[1, ...]",
    "{1: 2}",
    "{'a': 1, ...}",
    "<Foo at 0x1>",
    "datetime('2026')",
    "Decimal('1')",
    "nan",
    "inf",
    "'cut",
    "(1, 2",
    "[1 2]",
    "1 + 1",
    "True1",
    "__import__('os')",
    "{'__proto__': 1}",
    "[".repeat(100) + "]".repeat(100),
  ]) {
    expect(readLiteral(text), text).toBeUndefined();
  }
});
