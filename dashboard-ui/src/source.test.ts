/** Texts of others stay texts: nothing in the sources takes one for markup or script. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const forbidden =
  /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|createContextualFragment|DOMParser|srcDoc|eval|new Function)\b|href=\{(?!.*(?:href\}|server\.prefix|place\.to|login\.logout))/;

test("no source makes markup of a text", () => {
  const folder = import.meta.dirname;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => /\.tsx?$/.test(name) && !name.includes(".test."),
  );
  expect(files.length).toBeGreaterThan(50);
  const found = files.flatMap((name) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .flatMap((line, index) => (forbidden.test(line) ? [`${name}:${String(index + 1)} ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});
