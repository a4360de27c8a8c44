/** What this code base takes for granted of its tools: TypeScript files run as they are, in this process, in children and in threads. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
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
