/** Tracebacks as causes and frames, and errors that are alike. */

import { expect, test } from "vitest";
import { errorReport } from "./error-report.ts";
import { faultOf } from "./fault.ts";

test("a stack of JavaScript with its cause, the user's frames told apart", () => {
  const stack = [
    "TypeError: no card",
    "    at charge (file:///srv/app/shop.ts:12:7)",
    "    at async run (/srv/app/node_modules/celeriac/dist/pool/runner.js:40:3)",
    "    at process.processTicksAndRejections (node:internal/process/task_queues:104:5) {",
    "  [cause]: RangeError: too much",
    "      at limit (/srv/app/limit.ts:3:1) {",
    "    [cause]: Error: no {",
    "    }",
    "  }",
    "}",
  ].join("\n");
  const report = errorReport("TypeError('no card')", stack);
  expect(report?.traceback).toBe(stack);
  expect(report?.causes.map(({ type, message }) => [type, message])).toEqual([
    ["TypeError", "no card"],
    ["RangeError", "too much"],
    ["Error", "no"],
  ]);
  expect(report?.causes[0]?.frames).toEqual([
    { file: "file:///srv/app/shop.ts", line: 12, column: 7, name: "charge", own: true },
    { file: "/srv/app/node_modules/celeriac/dist/pool/runner.js", line: 40, column: 3, name: "async run", own: false },
    {
      file: "node:internal/process/task_queues",
      line: 104,
      column: 5,
      name: "process.processTicksAndRejections",
      own: false,
    },
  ]);
});

test("a traceback of Python with its cause, the last frame first", () => {
  const traceback = [
    "Traceback (most recent call last):",
    '  File "/srv/app/tasks.py", line 5, in charge',
    "    pay(order)",
    '  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode',
    "    obj, end = self.raw_decode(s)",
    "KeyError: 'card'",
    "",
    "The above exception was the direct cause of the following exception:",
    "",
    "Traceback (most recent call last):",
    '  File "/srv/app/tasks.py", line 9, in task',
    "    raise ValueError('no card')",
    "ValueError: no card",
  ].join("\n");
  const causes = errorReport("ValueError('no card')", traceback)?.causes;
  expect(causes?.map(({ type, message }) => [type, message])).toEqual([
    ["ValueError", "no card"],
    ["KeyError", "'card'"],
  ]);
  expect(causes?.[0]?.frames).toEqual([
    { file: "/srv/app/tasks.py", line: 9, name: "task", own: true, source: "raise ValueError('no card')" },
  ]);
  expect(causes?.[1]?.frames.map(({ line, own }) => [line, own])).toEqual([
    [337, false],
    [5, true],
  ]);
});

test.each([
  [undefined, undefined, undefined],
  ["boom", undefined, [["", "boom"]]],
  ["E('it''s')", undefined, [["E", "'it''s'"]]],
  [undefined, "E: x", [["E", "x"]]],
  ["E('x')", "nothing that is a stack\n".repeat(3), [["E", "x"]]],
])("error %j with traceback %j", (error, traceback, causes) => {
  expect(errorReport(error, traceback)?.causes.map(({ type, message }) => [type, message])).toEqual(causes);
});

test("hostile tracebacks are read in a moment: backtracking would outlast the test", () => {
  const hostile = [
    `    at ${"a ".repeat(8_000)}(`,
    `    at ${"(".repeat(16_000)}`,
    `  File "${"x".repeat(16_000)}`,
    "    at x\n".repeat(2_000),
    `${"a.".repeat(8_000)}(`,
    `[cause]: ${"[cause]: ".repeat(1_500)}`,
  ];
  for (const trace of hostile) {
    expect(errorReport(trace, trace)?.causes.length).toBeGreaterThan(0);
    expect(faultOf(trace).length).toBeLessThanOrEqual(120);
  }
});

test.each([
  ["KeyError(7)", "KeyError(…)"],
  ["no answer in 31.5 ms from 10.0.0.7", "no answer in … ms from ….…"],
  ["task 0f8fad5b-d9cb-469f-a165-70867728950e is gone\nand more", "task … is gone"],
  ["at 0xdeadbeef and deadbeef01", "at … and …"],
  ["decade of facade", "decade of facade"],
  [undefined, "unknown"],
])("%j is one kind with %j", (error, alike) => {
  expect(faultOf(error)).toBe(alike);
});
