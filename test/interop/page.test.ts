/** docs/interop.md shows the rows and columns that there are, and no cell that is not green. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { behaviours } from "./matrix.ts";
import { marks, tables } from "./table.ts";

test("the page shows the matrix as it is: `npm run interop -- --write` puts it there", () => {
  const page = readFileSync(new URL("../../docs/interop.md", import.meta.url), "utf8");
  const shown = page.split(marks.begin)[1]?.split(marks.end)[0] ?? "";
  const expected = tables(behaviours, (_, { release }) => ({ kind: "green", celery: `${release}.x` }));
  expect(shown.replaceAll(/\b(5\.[26])\.\d+/g, "$1.x").trim()).toBe(expected.trim());
});
