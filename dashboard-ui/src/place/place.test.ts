/** What stands in the URL is what one sees, whatever else somebody writes there. */

import { expect, test } from "vitest";
import { filterFor, fits, pagesFor, readFilter, toggled } from "./task-filter.ts";
import { rangeOf, readTime, type TimeChoice, writeTime } from "./time-choice.ts";

const now = 1_795_820_000_000;

test.each<TimeChoice>([
  { kind: "live" },
  { kind: "last", span: "24h" },
  { kind: "moment", at: now },
  { kind: "between", from: now - 60_000, until: now },
])("$kind is read as it was written", (choice) => {
  const params = new URLSearchParams("state=failed&last=7d&at=1&from=1&until=2");
  writeTime(params, choice);
  expect(readTime(params)).toEqual(choice);
  expect(params.get("state")).toBe("failed");
});

test.each([
  "last=9y",
  "last=constructor",
  "at=x",
  "at=-5",
  "at=1e400",
  "at=99999999999999999999",
  "from=5&until=5",
  "from=7",
  "at=0",
])("%s is live", (query) => {
  expect(readTime(new URLSearchParams(query))).toEqual({ kind: "live" });
});

test("each choice has its stretch", () => {
  expect(rangeOf({ kind: "live" }, now)).toEqual({ from: now - 300_000, until: now });
  expect(rangeOf({ kind: "moment", at: 5_000_000 }, now)).toEqual({ from: 4_700_000, until: 5_000_000 });
});

test("filters are the server's, without what it would refuse", () => {
  const chosen = readFilter(
    new URLSearchParams("state=failed&state=nonsense&state=failed&task=a&queue=&text=boom&order=sideways"),
  );
  expect(chosen).toEqual({ state: ["failed"], task: ["a"], queue: [], worker: [], text: "boom", order: "newest" });
  expect(filterFor(chosen, { kind: "moment", at: 7 }, now)).toEqual({
    state: ["failed"],
    task: ["a"],
    text: "boom",
    at: 7,
  });
  expect(filterFor(chosen, { kind: "last", span: "1h" }, now)).toMatchObject({ from: now - 3_600_000, until: now });
  expect(readFilter(new URLSearchParams({ text: "x".repeat(999) })).text).toHaveLength(200);
});

test("a row that the stream tells of is counted only if it belongs into the table", () => {
  const chosen = readFilter(new URLSearchParams("state=failed&queue=mail"));
  expect(fits({ state: "failed", queue: "mail" }, chosen)).toBe(true);
  expect(fits({ state: "failed" }, chosen)).toBe(false);
  expect(fits({ state: "queued", queue: "mail" }, chosen)).toBe(false);
  expect(toggled(["a", "b"], "a")).toEqual(["b"]);
});

test("where the table begins bounds its rows on one side, by their order, and is no filter", () => {
  const read = (query: string): ReturnType<typeof readFilter> => readFilter(new URLSearchParams(query));
  const between: TimeChoice = { kind: "between", from: 100, until: 200 };
  expect(pagesFor(read("task=a"), between, now)).toEqual({ task: ["a"], from: 100, until: 200 });
  expect(pagesFor(read("start=150"), between, now)).toEqual({ from: 100, until: 151 });
  expect(pagesFor(read("start=150&order=oldest"), between, now)).toEqual({ from: 150, until: 200 });
  expect(pagesFor(read("start=500"), between, now)).toEqual({ from: 100, until: 200 });
  expect(pagesFor(read("start=150"), { kind: "live" }, now)).toEqual({ until: 151 });
  expect(filterFor(read("start=150&state=failed"), { kind: "live" }, now)).toEqual({ state: ["failed"] });
  for (const nonsense of ["x", "-1", "0", "1e9"]) expect(read(`start=${nonsense}`).start).toBeUndefined();
});
