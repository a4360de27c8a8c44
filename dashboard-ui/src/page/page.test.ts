/** Parts of pages that reckon: the axis of a task, what is selected, why a queue waits, lines of a chart, the graph's places. */

import { expect, test } from "vitest";
import type { QueueRow } from "../../../src/dashboard/contract.ts";
import { stacked } from "../chart/lines.ts";
import { waitsOf } from "./overview/queue-waits.ts";
import { marksOf, placeOn } from "./task/axis.ts";
import { asTasks, isSelected, nothing, sizeOf, withLoaded, withToggled } from "./tasks/selection.ts";
import { incidentText, wentWrong } from "./workers/incident-text.ts";
import { boxWidth, layoutOf } from "./workflows/layout.ts";

test("an axis has a few round marks, whatever its length", () => {
  expect(marksOf({ from: 0, until: 34 })).toEqual([10, 20, 30]);
  for (const span of [1, 7, 99, 1_001, 60_000, 86_400_000])
    expect(marksOf({ from: 0, until: span }).length).toBeLessThan(7);
  expect(marksOf({ from: 5, until: 5 })).toEqual([]);
  expect([
    placeOn({ from: 0, until: 10 }, -5),
    placeOn({ from: 0, until: 10 }, 5),
    placeOn({ from: 0, until: 10 }, 99),
  ]).toEqual([0, 50, 100]);
});

test("rows are selected one by one, all that are loaded, or all that match", () => {
  const one = withToggled(nothing, "a");
  expect(isSelected(one, "a")).toBe(true);
  expect(sizeOf(withToggled(one, "a"))).toBe(0);
  expect(sizeOf(withLoaded(one, ["a", "b"]))).toBe(2);
  expect(sizeOf(withLoaded(withLoaded(one, ["a", "b"]), ["a", "b"]))).toBe(0);
  expect(asTasks({ kind: "all", expect: 1_204 }, { state: ["failed"] })).toEqual({
    filter: { state: ["failed"] },
    expect: 1_204,
  });
  expect(asTasks(one, {})).toEqual({ ids: ["a"] });
});

test("queues that stand still come first, with the reason", () => {
  const queue = (name: string, more: Partial<QueueRow>): QueueRow => ({
    name,
    ready: 1,
    running: 0,
    rateIn: 0,
    rateOut: 0,
    depth: [],
    source: "broker",
    ...more,
  });
  const waits = waitsOf([
    queue("slow", { oldest: 1, drain: null, rateIn: 5, rateOut: 1 }),
    queue("empty", { ready: 0 }),
    queue("alone", { oldest: 9, consumers: 0 }),
    queue("held", { oldest: 8, paused: true, consumers: 2 }),
  ]);
  expect(waits.map(({ queue, reason }) => `${queue}: ${reason ?? ""}`)).toEqual([
    "held: paused",
    "alone: no worker takes from it",
    "slow: more comes in than goes out",
  ]);
  const told = [{ queue: "slow", waiting: 1, reason: "7 of the 10 oldest: its task may begin 10/m" }];
  expect(waitsOf([queue("slow", { drain: null })], told)[0]?.reason).toBe(told[0]?.reason);
});

test("stacked lines lie on each other, the topmost first", () => {
  const line = (name: string, ...values: readonly number[]) => ({ name, ink: "", values });
  expect(stacked([line("a", 1, 2), line("b", 10, 20)]).map(({ name, values }) => [name, ...values])).toEqual([
    ["b", 11, 22],
    ["a", 1, 2],
  ]);
});

test("a graph is laid out from left to right; an edge to what is not shown is left out", () => {
  const node = (id: string) => ({ kind: "planned" as const, id, task: id });
  const { boxes, ways } = layoutOf({
    nodes: [node("a"), node("b")],
    edges: [
      { from: "a", to: "b", kind: "sent" },
      { from: "a", to: "gone", kind: "joins" },
      { from: "a", to: "a", kind: "sent" },
    ],
  });
  expect((boxes.get("b")?.x ?? 0) - (boxes.get("a")?.x ?? 0)).toBeGreaterThan(boxWidth);
  expect(ways).toHaveLength(1);
  const [from, to] = [boxes.get("a"), boxes.get("b")];
  expect(ways[0]?.points.at(0)?.x).toBe((from?.x ?? 0) + boxWidth);
  expect(ways[0]?.points.at(-1)?.x).toBe(to?.x);
});

test("what a worker tells of a child's end is said in words", () => {
  expect(incidentText({ signal: "SIGABRT", expected: false })).toBe("signal SIGABRT, not expected");
  expect(incidentText({ ms: 12, why: "" })).toBe("ms 12");
});

test("of a worker's children only those are red that ended otherwise than they should", () => {
  expect(["started", "retiring", "killed"].map((kind) => wentWrong(kind, {}))).toEqual([false, false, true]);
  expect([true, false].map((expected) => wentWrong("exited", { expected }))).toEqual([false, true]);
});
