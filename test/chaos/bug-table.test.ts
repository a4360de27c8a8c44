import { expect, it } from "vitest";
import { type BugRow, withRow } from "./bug-table.ts";

const page = `before

<!-- seeded bugs: npm run chaos:bugs -- --table docs/chaos.md -->

<!-- end of seeded bugs -->

after
`;
const row = (name: string, broker: string, said?: string): BugRow => ({
  name,
  broker,
  says: "does it",
  size: "300 × 12",
  caught: said === undefined ? undefined : { seed: 7, said },
});
const rowsOf = (text: string): readonly string[] => text.split("\n").filter((line) => line.startsWith("| `"));

it("adds a row, replaces that of the same bug and broker, and leaves the rest of the page", () => {
  const first = withRow(withRow(page, row("late", "redis")), row("early", "sqlite", "lost: a | `b`"));
  const again = withRow(first, row("late", "redis", "twice: c"));
  expect(rowsOf(again)).toEqual([
    "| `early` | sqlite | does it | 300 × 12 | 7 | `lost: a / 'b'` |",
    "| `late` | redis | does it | 300 × 12 | 7 | `twice: c` |",
  ]);
  expect(rowsOf(first)[1]).toBe("| `late` | redis | does it | 300 × 12 | **not caught** | nothing |");
  expect(again.startsWith("before\n")).toBe(true);
  expect(again.endsWith("<!-- end of seeded bugs -->\n\nafter\n")).toBe(true);
});

it("refuses a page without the marks", () => {
  expect(() => withRow("nothing", row("late", "redis"))).toThrow("the page has no");
});
