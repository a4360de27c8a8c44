import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { ask } from "../../src/control/ask.ts";
import { createApp, systemClock } from "../../src/index.ts";
import { remoteSuite } from "./remote-suite.ts";

let count = 0;
remoteSuite("memory", async () => ({ url: `memory:remote-suite-${String(++count)}`, close: async () => {} }));

remoteSuite("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-remote-"));
  return {
    url: `sqlite:${join(folder, "queue.db")}`,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

describe("a worker that is asked too much", () => {
  it("refuses questions over its rate and says so, and hears revokes all the same", async () => {
    // Time that does not go on: nothing is asked of it a second later.
    const clock = { ...systemClock, monotonic: () => 1_000 };
    const app = createApp({ name: "flooded", broker: "memory:remote-flood", clock });
    app.task("m.add", ({ x, y }: { x: number; y: number }) => x + y);
    const warnings: (string | undefined)[] = [];
    const node = "w1@flooded";
    const worker = await app.work({ name: node, pool: "inline", concurrency: 1 });
    worker.on("worker:warning", ({ code }) => void warnings.push(code));
    const { bus } = await coreOf(app).connect();
    const tell = async (method: string, named: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
      const question = { method, arguments: named, destination: [node], timeout: 60_000 };
      return (await ask(bus, question, systemClock, new AbortController().signal)).get(node);
    };
    for (let turn = 0; turn < 10; turn++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => tell("ping")));
      expect(answers).toEqual(answers.map(() => ({ ok: "pong" })));
    }
    expect(warnings).toEqual([]);
    expect(await tell("ping")).toEqual({ error: expect.stringContaining("too many commands") });
    expect(await tell("stats")).toEqual({ error: expect.stringContaining("too many commands") });
    expect(await tell("revoke", { task_id: "a" })).toEqual({ ok: expect.stringContaining("flagged as revoked") });
    expect(warnings).toEqual(["REMOTE_CONTROL_RATE"]);
    await app.close();
  });
});
