/** The tests that docs/testing.md shows, run as their reader would: with `node --test` and with vitest, through the package's exports. */

import { expect, test } from "vitest";
import { tool } from "../../scripts/process.ts";
import { readPage } from "../docs/page.ts";
import { UserFolder } from "../server/user-folder.ts";

const files = Object.fromEntries(
  readPage("docs/testing.md").blocks.flatMap(({ code }) => {
    const name = /^\/\/ ([\w.-]+\.ts)\n/.exec(code)?.[1];
    return name === undefined ? [] : [[name, code] as const];
  }),
);

test("the page's tests pass with node:test", async () => {
  await using folder = await UserFolder.make();
  await folder.write(files);
  const names = ["orders.test.ts", "delay.test.ts", "schedule.test.ts"];
  const { code, text } = await folder.run(process.execPath, ["--test", ...names]);
  expect(text).toMatch(/pass 4\n/);
  expect(code, text).toBe(0);
});

test("the page's tests pass with vitest", async () => {
  await using folder = await UserFolder.make(["vitest"]);
  await folder.write(files);
  const { code, text } = await folder.run(tool("vitest"), ["run", "orders.vitest.test.ts"]);
  expect(code, text).toBe(0);
  expect(text).toMatch(/2 passed/);
});
