/** Records come in a header that anybody may have written. */

import { expect, test } from "vitest";
import { attemptsText, cutAttempts, readAttempts } from "./attempts.ts";

const record = {
  attempt: 1,
  worker: "w",
  pid: 5,
  started: 1,
  ended: 2,
  exit: { code: 1, signal: null },
  stderrTail: "tail",
  error: "boom",
};

test("records come back as they went", () => {
  const open = { ...record, pid: undefined, ended: undefined, exit: undefined, error: undefined };
  expect(readAttempts(attemptsText([record, open]))).toEqual([record, open]);
});

test.each([
  ["no list", '{"attempt":1,"worker":"w"}'],
  ["no JSON", "[{"],
  ["no records", '[1,null,"a",[],{}]'],
])("what is %s reads as none", (_, text) => {
  expect(readAttempts(text)).toEqual([]);
});

test("records of a stranger are such that they can be cut and written again", () => {
  const odd = {
    attempt: "1",
    worker: ["x".repeat(20_000)],
    error: 5,
    stderrTail: {},
    exit: 7,
    pid: "p",
    started: null,
  };
  const large = { ...record, worker: "y".repeat(20_000), error: { slice: 1 } };
  const records = readAttempts(JSON.stringify([odd, large, record]));
  expect(records.length).toBeGreaterThan(0);
  for (const { worker, stderrTail, error } of records)
    expect([typeof worker, typeof stderrTail, typeof (error ?? "")]).toEqual(["string", "string", "string"]);
  const many = Array.from({ length: 20 }, () => records[0] ?? record);
  expect(JSON.stringify(cutAttempts(many)).length).toBeLessThan(20_000);
});
