import { describe, expect, it } from "vitest";
import { makeMessage } from "../../testing/conformance/rig.ts";
import { HeldMessage } from "./held-message.ts";
import { Line, Timetable } from "./line.ts";

const held = (id: string): HeldMessage => HeldMessage.of({ queue: "q", message: makeMessage({ id }) }, "tag", 0);
const idsIn = (items: Iterable<HeldMessage>): (string | undefined)[] => [...items].map((item) => item.id);

describe("Line", () => {
  it("is first in, first out, with a way back to the front, over many times its slack", () => {
    const line = new Line();
    const model: string[] = [];
    const came: (string | undefined)[] = [];
    const should: (string | undefined)[] = [];
    const messages = Array.from({ length: 40 }, (_, index) => held(`m${index}`));
    for (let step = 0; step < 20_000; step += 1) {
      const message = messages[(step * 7) % 40] as HeldMessage;
      if (step % 5 < 3 || model.length < 10) {
        line.push(message);
        model.push(String(message.id));
      } else if (step % 5 === 3) {
        line.unshift(message);
        model.unshift(String(message.id));
      } else {
        for (let n = 0; n < 4; n += 1) {
          came.push(line.peek()?.id, line.shift()?.id);
          should.push(model[0], model.shift());
        }
      }
      expect(line.size).toBe(model.length);
    }
    expect(came).toEqual(should);
    expect(idsIn(line)).toEqual(model);
    while (model.length > 0) expect(line.shift()?.id).toBe(model.shift());
    expect([line.shift(), line.peek(), line.size, line.clear()]).toEqual([undefined, undefined, 0, 0]);
  });

  it("numbers places so that they grow along it", () => {
    const line = new Line();
    for (const id of ["c", "d"]) line.push(held(id));
    for (const id of ["b", "a"]) line.unshift(held(id));
    expect(idsIn(line)).toEqual(["a", "b", "c", "d"]);
    const places = [...line].map((item) => item.place);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });
});

describe("Timetable", () => {
  it("gives what is due, in order, and of one moment in the order it came", () => {
    const table = new Timetable();
    for (const [id, due] of [
      ["c", 30],
      ["a", 10],
      ["d", 30],
      ["b", 20],
      ["e", 40],
    ] as const)
      table.add(held(id), due);
    expect(table.next).toBe(10);
    expect(table.takeDue(9)).toBeUndefined();
    expect(idsIn(table)).toEqual(["a", "b", "c", "d", "e"]);
    const taken = Array.from({ length: 5 }, () => table.takeDue(30)?.id);
    expect(taken).toEqual(["a", "b", "c", "d", undefined]);
    expect([table.size, table.clear(), table.size]).toEqual([1, 1, 0]);
  });
});
