import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { ChildOutput } from "./child-output.ts";
import { markLines, unmark } from "./output-marks.ts";

it("gives lines, however they are cut, with the slot that wrote them", () => {
  const lines: unknown[] = [];
  const output = new ChildOutput((text, slot) => lines.push([text, slot]));
  for (const chunk of [
    Buffer.from("o"),
    Buffer.from("ne\r\n\u00013"),
    Buffer.from("\u0001two\nthr"),
    Buffer.from("ee"),
  ])
    output.push(chunk);
  expect(lines).toEqual([["one", undefined], ["two", 3]]); // prettier-ignore
  expect(output.tail).toBe("one\ntwo\nthree");
  output.end();
  expect(lines.at(-1)).toEqual(["three", undefined]);
});

it("keeps characters whole that come in two pieces", () => {
  const lines: string[] = [];
  const output = new ChildOutput((text) => lines.push(text));
  const bytes = Buffer.from("größe\n");
  for (const byte of bytes) output.push(Buffer.from([byte]));
  expect(lines).toEqual(["größe"]);
});

it("keeps the last 8 KiB, and a line without end does not grow", () => {
  const output = new ChildOutput(() => {});
  for (let n = 0; n < 5000; n++) output.push(Buffer.from(`line ${n}\n`));
  expect(Buffer.byteLength(output.tail)).toBeLessThanOrEqual(8192);
  expect(output.tail).toMatch(/line 4998\nline 4999$/);
  let pieces = 0;
  const endless = new ChildOutput(() => pieces++);
  for (let n = 0; n < 40; n++) endless.push(Buffer.alloc(10_000, "ä"));
  expect(pieces).toBeGreaterThan(1);
  expect(Buffer.byteLength(endless.tail)).toBeLessThanOrEqual(8192);
});

it("marks the lines of tasks, at their start only", () => {
  const stream = new PassThrough();
  let slot: number | undefined = 4;
  markLines(stream, () => slot);
  stream.write("a");
  stream.write("b\nc\n");
  slot = undefined;
  stream.write("free\n");
  slot = 5;
  stream.write(Buffer.from("bytes\n"));
  expect(String(stream.read()).split("\n").map(unmark)).toEqual([
    { text: "ab", slot: 4 },
    { text: "c", slot: 4 },
    { text: "free", slot: undefined },
    { text: "bytes", slot: 5 },
    { text: "", slot: undefined },
  ]);
  expect(unmark("\u0001x\u0001y")).toEqual({ text: "\u0001x\u0001y", slot: undefined });
});
