/** What can be said of the examples without running them; `npm run examples` runs them. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { examples } from "../scripts/example-list.ts";
import { root } from "./source-tree.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const all = examples();

describe("examples", () => {
  test("there are some", () => {
    expect(all.map(({ name }) => name)).toContain("image-generation-api");
  });

  test("the list in their README has them all, and no others", () => {
    const listed = [...read("examples/README.md").matchAll(/\]\(([\w-]+)\/README\.md\)/g)].map(
      (match) => match[1] ?? "",
    );
    expect(listed.toSorted()).toEqual(all.map(({ name }) => name).toSorted());
  });

  test.each(all)("$name: a README with its command, links that lead somewhere, a workspace", ({ name }) => {
    const folder = join("examples", name);
    const readme = read(join(folder, "README.md"));
    expect(readme).toMatch(/^npm ci && npm run (?:example |demo)/m);
    for (const [, target = ""] of readme.matchAll(/\]\(([^)#:]+)\)/g))
      expect(existsSync(join(root, folder, target)), `${folder}/README.md leads to ${target}`).toBe(true);
    const { workspaces } = JSON.parse(read("package.json")) as { readonly workspaces: readonly string[] };
    expect(workspaces).toContain(folder);
  });
});
