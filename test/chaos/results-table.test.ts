/** The table of results: a run adds its row, and replaces the one of the same run. */

import { expect, it } from "vitest";
import { type Figures, withRow } from "./results-table.ts";

const document = [
  "# Chaos",
  "<!-- results of npm run chaos -- --results docs/chaos.md -->",
  "<!-- end of results -->",
  "after it",
].join("\n");
const asked = { broker: "redis", seed: 7, tasks: 1000, faults: 20 };
const figures: Figures = {
  versions: { node: "24.0.0", redis: "7.0.15" },
  accepted: 1003,
  rerun: 12,
  bound: 4500,
  violations: [],
  skipped: {},
  ticks: { due: 90, owed: 90, missed: 0 },
  recoveryMs: {
    claim: { count: 9, p50: 900, p95: 3100, p99: 4400, max: 4400 },
    child: undefined,
    slot: undefined,
    worst: "",
    worstChild: "",
  },
};
const rows = (text: string): string[] =>
  text.split("\n").filter((line) => line.startsWith("| r") || line.startsWith("| s"));

it("adds a row, in the order of broker, size and seed, and leaves the rest of the document alone", () => {
  let text = withRow(document, asked, figures);
  text = withRow(text, { ...asked, tasks: 100_000, seed: 1 }, figures);
  text = withRow(text, { ...asked, broker: "rabbitmq" }, figures);
  text = withRow(text, { ...asked, seed: 1 }, figures);
  expect(rows(text).map((row) => row.split("|").slice(1, 5).join("|"))).toEqual([
    " rabbitmq | 1 000 | 20 | 7 ",
    " redis | 1 000 | 20 | 1 ",
    " redis | 1 000 | 20 | 7 ",
    " redis | 100 000 | 20 | 1 ",
  ]);
  expect(text.startsWith("# Chaos\n")).toBe(true);
  expect(text.endsWith("<!-- end of results -->\nafter it")).toBe(true);
});

it("replaces the row of the same run", () => {
  const text = withRow(withRow(document, asked, figures), asked, { ...figures, rerun: 15, violations: ["lost: a"] });
  expect(rows(text)).toEqual([
    "| redis | 1 000 | 20 | 7 | node 24.0.0, redis 7.0.15 | 1 003 | 15 | 900 / 3 100 / 4 400 / 4 400 | 4 500 | 90 | 1 |",
  ]);
});

it("keeps rows of former runs, which have no longest time, and says what a run was without", () => {
  const without = { ...figures, skipped: { "worker clock jumps": "libfaketime is not installed" } };
  const former = withRow(document, asked, figures).replace("4 400 / 4 400 |", "4 400 |");
  expect(rows(withRow(former, { ...asked, seed: 8 }, without)).map((row) => row.split("|").slice(8, -1))).toEqual([
    [" 900 / 3 100 / 4 400 / – ", " 4 500 ", " 90 ", " 0 "],
    [" 900 / 3 100 / 4 400 / 4 400 ", " 4 500 ", " 90 ", " 0, without worker clock jumps "],
  ]);
});

it("says where a document has no place for it", () => {
  expect(() => withRow("# Other", asked, figures)).toThrow(/has no lines/);
});
