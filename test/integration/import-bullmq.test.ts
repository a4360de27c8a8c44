/** What lies in BullMQ's queues, put there by BullMQ itself, taken over by the real command line. */

import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/process.ts";
import { celeriac } from "../server/command-line.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

/** Of BullMQ's `Queue`, what is used here. */
interface BullQueue {
  add(name: string, data: unknown, options?: object): Promise<unknown>;
  upsertJobScheduler(id: string, repeat: object, template: object): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
const { Queue } = createRequire(join(root, "examples/from-bullmq/package.json"))("bullmq") as {
  readonly Queue: new (name: string, options: object) => BullQueue;
};

interface Row {
  readonly source: string;
  readonly state: string;
  readonly schedule: string;
  readonly task: string;
  readonly why: string;
}

describeWith("redis-server", "celeriac import bullmq", () => {
  test("takes over job schedulers and what waits, and leaves the queue as it is", async () => {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-bullmq-"));
    await using redis = await startRedis();
    const queue = new Queue("mail", { connection: { host: "127.0.0.1", port: redis.port } });
    try {
      await queue.add("send", { to: "Ada" });
      await queue.add("send", { to: "Bob" }, { priority: 5 });
      await queue.add("count", 7, { delay: 3_600_000 });
      await queue.upsertJobScheduler(
        "nightly",
        { pattern: "0 3 * * 7", tz: "Europe/Prague" },
        { name: "report", data: { n: 1 } },
      );
      await queue.upsertJobScheduler("often", { every: 60_000 }, { name: "poll" });
      await queue.upsertJobScheduler("seconds", { pattern: "*/10 * * * * *" }, { name: "poll" });
      const keys = await redis.cli("DBSIZE");

      const broker = ["--broker", `sqlite:${join(folder, "queue.db")}`];
      const from = ["--from", redis.url, "--queue", "mail", "--task", "send=mail.send"];
      const command = ["import", "bullmq", ...from, "--json", ...broker];
      const dry = await celeriac([...command, "--dry-run"]);
      expect(dry.stderr).toBe("");
      const shown = JSON.parse(dry.stdout) as Row[];
      expect(shown.map(({ source, task }) => `${source.replace(/\d+$/, "…")} ${task}`).toSorted()).toEqual([
        "job mail: … count",
        "job mail: … mail.send",
        "job mail: … mail.send",
        "scheduler mail: nightly report",
        "scheduler mail: often poll",
        "scheduler mail: seconds ",
      ]);
      expect(shown.find(({ source }) => source.endsWith("nightly"))?.schedule).toBe("0 3 * * 0 Europe/Prague");
      expect(shown.find(({ source }) => source.endsWith("seconds"))?.why).toMatch(/seconds/);

      const done = await celeriac(command);
      expect((JSON.parse(done.stdout) as Row[]).filter(({ state }) => state === "taken over")).toHaveLength(5);
      const queues = JSON.parse((await celeriac(["queues", "--json", ...broker])).stdout) as unknown[];
      expect(queues).toMatchObject([{ name: "mail", delayed: 1 }]);
      expect(JSON.stringify(queues)).toMatch(/"count":2/);
      expect(await redis.cli("DBSIZE")).toBe(keys);
      const again = await celeriac(command);
      expect((JSON.parse(again.stdout) as Row[]).filter(({ state }) => state !== "left")).toEqual([]);
    } finally {
      await queue.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("says what it cannot reach, and what is missing", async () => {
    const broker = ["--broker", "sqlite:nowhere.db"];
    const none = await celeriac(["import", "bullmq", "--from", "redis://127.0.0.1:1/0", "--queue", "q", ...broker]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/^BACKEND_UNREACHABLE/) as string });
    expect(await celeriac(["import", "bullmq", "--from", "redis://127.0.0.1:1/0", ...broker])).toMatchObject({
      code: 2,
    });
    expect(await celeriac(["import", "bullmq", "--from", "nothing", "--queue", "q", ...broker])).toMatchObject({
      code: 2,
    });
  });
});
