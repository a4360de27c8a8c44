/** What this code base takes for granted of its tools: TypeScript files run as they are, in this process, in children and in threads. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { longest } from "../scripts/test-order.ts";
import { buildUi } from "../scripts/ui.ts";
import { programAvailable } from "./server/required-program.ts";

const echo = new URL("./toolchain/echo.ts", import.meta.url);

describe("the tool chain", () => {
  test("runs on the Node that the lockfile brings", () => {
    expect(Number(process.versions.node.split(".")[0])).toBeGreaterThanOrEqual(24);
  });

  test("runs a TypeScript file in a forked child", async () => {
    const child = fork(echo, { serialization: "json" });
    child.send({ text: "ping" });
    const [answer] = (await once(child, "message")) as [unknown];
    expect(answer).toEqual({ text: "ping", where: "child" });
    child.kill();
    await once(child, "exit");
  });

  test("runs a TypeScript file in a worker thread", async () => {
    const thread = new Worker(echo);
    thread.postMessage({ text: "ping" });
    const [answer] = (await once(thread, "message")) as [unknown];
    expect(answer).toEqual({ text: "ping", where: "thread" });
    await thread.terminate();
  });

  test("compiles with TypeScript 7", () => {
    const manifest = readFileSync(new URL("../node_modules/typescript/package.json", import.meta.url), "utf8");
    expect((JSON.parse(manifest) as { version: string }).version).toMatch(/^7\./);
  });

  test("runs the test files first that are named as the longest, which exist", () => {
    expect(longest.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual([]);
  });

  test("builds the web app for users, also where a test asks for it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-ui-"));
    try {
      expect(await buildUi(folder)).toEqual({ code: 0, text: "" });
      const scripts = readdirSync(join(folder, "assets")).filter((name) => name.endsWith(".js"));
      expect(scripts.length).toBeGreaterThan(5);
      // React's own warnings are in its build for development alone.
      const slow = scripts.filter((name) => readFileSync(join(folder, "assets", name), "utf8").includes("same key"));
      expect(slow).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("finds programs of the machine and tells missing ones", () => {
    const before = process.env["PATH"];
    try {
      process.env["PATH"] = "/nonexistent";
      expect(programAvailable("redis-server")).toBe(false);
    } finally {
      process.env["PATH"] = before;
    }
  });
});
