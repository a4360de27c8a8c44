import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { coreOf, createApp } from "./app.ts";

const run = promisify(execFile);
const fixture = (name: string): string => new URL(`./fixtures/${name}.ts`, import.meta.url).href;

/** Plain Node, as a worker runs: a test runner's modules are not the ones that a child would import. */
async function inNode(code: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code]);
  return JSON.parse(stdout);
}

describe("where children find an app", () => {
  const core = JSON.stringify(new URL("./app.ts", import.meta.url).href);

  it("is the module that made it and the export that holds it", async () => {
    const url = fixture("exported-app");
    const found = await inNode(`
      import { coreOf } from ${core};
      import { app, other, zeta } from ${JSON.stringify(url)};
      console.log(JSON.stringify([await coreOf(app).module(), await coreOf(other).module(), await coreOf(zeta).module()]));
    `);
    expect(found).toEqual([
      { url, export: "app" },
      { url, export: "other" },
      { url, export: "zeta" },
    ]);
  });

  it("is said to be unknown, with the remedy, where the app is not exported or not in a file", async () => {
    const code = `
      import { coreOf, createApp } from ${core};
      const error = await coreOf(createApp({ name: "lost", broker: "memory:lost" })).module().catch((error) => error);
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    `;
    expect(await inNode(code)).toEqual({ code: "APP_NOT_FOUND", message: expect.stringContaining("import.meta.url") });
  });

  it("is not waited for when the module waits for itself", async () => {
    const { stdout } = await run(process.execPath, [fileURLToPath(fixture("waiting-app"))]);
    expect(JSON.parse(stdout)).toEqual({
      code: "APP_NOT_FOUND",
      message: expect.stringContaining("has not finished loading"),
    });
  });

  it("can be named, and then a second instance of the module will do", async () => {
    const url = fixture("exported-app");
    const app = createApp({ name: "found", broker: "memory:named", module: url });
    expect(await coreOf(app).module()).toEqual({ url, export: expect.stringMatching(/^(?:app|other|zeta)$/) });
    const wrong = createApp({ name: "another", broker: "memory:named", module: url });
    await expect(coreOf(wrong).module()).rejects.toMatchObject({
      code: "APP_NOT_FOUND",
      message: expect.stringContaining("it exports app, other, zeta"),
    });
    const missing = createApp({ name: "another", broker: "memory:named", module: fixture("nothing") });
    await expect(coreOf(missing).module()).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
  });
});
