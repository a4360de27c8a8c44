/** Secrets of a deployment, followed: the broker's password and a signing key turn up in nothing that leaves a process, and in no child. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dashboard } from "../../src/dashboard/dashboard.ts";
import { createApp } from "../../src/index.ts";
import { celeriac, WorkerProcess } from "../server/command-line.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { formsOf, leaksIn } from "./canary/forms.ts";
import { pageRequest, paths } from "./canary/page-request.ts";

const password = "canary@4711/x";
const key = "signing-canary-4711-0123456789abcdef";
const other = "wrong-canary-4711";
const forms = formsOf([password, key, other]);
const appFile = fileURLToPath(new URL("./canary/app.ts", import.meta.url));
const node = "canary@here";
const soon = { timeout: "60s" } as const;

describeWith("redis-server", "a canary in the broker's URL, the keys and the environment", () => {
  let redis: RedisServer;
  let url: string;
  beforeAll(async () => {
    redis = await startRedis({ password });
    url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${String(redis.port)}/0`;
  });
  afterAll(() => redis.stop());

  test.each(["process", "thread"] as const)(
    "is found by no task, and told by nothing, with children of the kind %s",
    async (pool) => {
      const env = { CANARY_BROKER: url, CANARY_KEY: key, CELERIAC_BROKER: url };
      const told = new Map<string, string>();
      const keep = (source: string, text: string): void => void told.set(source, (told.get(source) ?? "") + text);

      const app = createApp({ name: "canary", broker: url, signing: { keys: { k: key } } });
      await using page = Object.assign(dashboard(app, { history: ":memory:" }), {
        [Symbol.asyncDispose]: () => app.close(),
      });
      await page.start();
      await using listening = await app.events(({ events }) => keep("events", JSON.stringify(events)));
      void listening;
      await using worker = new WorkerProcess(["-A", appFile, "--pool", pool, "-c", "2", "-n", node, "-E"], env);
      await worker.line("worker.ready");

      const look = await app.remote<(input: { n: number }) => unknown>("c.look").enqueue([{ n: 1 }]);
      const fail = await app.remote<(input: { n: number }) => void>("c.fail").enqueue([{ n: 1 }]);
      const unknown = await app.remote<(text: string) => void>("c.unknown", { queue: "nowhere" }).enqueue(["x"]);
      const seen = (await look.get(soon)) as { readonly environment: Readonly<Record<string, string>> };
      keep("what a task sees", JSON.stringify(seen));
      expect(seen.environment).not.toHaveProperty("CANARY_BROKER");
      expect(seen.environment).not.toHaveProperty("CANARY_KEY");
      await fail
        .get(soon)
        .catch((error: unknown) => keep("a failure", inspect(error, { depth: 20, showHidden: true })));
      if (pool === "process") {
        for (const pid of childrenOf(worker.child.pid ?? 0)) {
          keep("a child's environment", readFileSync(`/proc/${String(pid)}/environ`, "latin1"));
          keep("a child's command line", readFileSync(`/proc/${String(pid)}/cmdline`, "latin1"));
        }
        const exit = await app.remote<(input: { n: number }) => void>("c.exit").enqueue([{ n: 1 }]);
        await exit
          .get(soon)
          .catch((error: unknown) => keep("a crash", inspect(error, { depth: 20, showHidden: true })));
      }
      const { items } = await app.dead.list({}, undefined, 50);
      keep("dead letters", JSON.stringify(items.map(({ raw, ...rest }) => [Buffer.from(raw).toString(), rest])));

      const commands = [
        ["doctor", "-A", appFile],
        ["status", "--json"],
        ["queues"],
        ["dlq", "list", "--json"],
        ["workers", "-A", appFile],
        ["inspect", "conf", "-A", appFile],
        ["inspect", "report", "-A", appFile],
        ["inspect", "stats", "-A", appFile],
        ["task", fail.id, "-A", appFile],
        ["task", unknown.id],
        // Three that fail.
        ["status", "--broker", url.replace(encodeURIComponent(password), other)],
        ["status", "--broker", `redis://:${other}@127.0.0.1:1/0`],
        ["status", "--broker", `redis://:${other}@127.0.0.1/none`],
      ];
      // They know nothing of where children run.
      const asked = pool === "process" ? commands : [];
      await Promise.all(
        asked.map(async (args) => {
          const { stdout, stderr } = await celeriac(args, env);
          keep(args.slice(0, 2).join(" "), stdout + stderr);
        }),
      );

      for (const path of paths) {
        const request = pageRequest(path, { worker: node, queue: "celery", id: fail.id });
        keep(`dashboard ${path}`, await (await page(request, { address: "127.0.0.1" })).text());
      }

      await worker.stop();
      keep("the worker's log", worker.lines.map((line) => JSON.stringify(line)).join("\n"));
      keep("an app that is printed", inspect(app, { depth: 20 }) + JSON.stringify(app));
      await expect.poll(() => told.get("events") ?? "").toContain("task-");
      const looked = ["doctor -A", "status --json", "inspect conf", "dlq list", "a child's environment"];
      expect(looked.filter((source) => (told.get(source) ?? "") !== "")).toEqual(pool === "process" ? looked : []);
      expect(leaksIn(told, forms)).toEqual([]);
    },
  );
});

function childrenOf(pid: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        return (
          readFileSync(`/proc/${String(each)}/stat`, "utf8")
            .replace(/^.*\) /, "")
            .split(" ")[1] === String(pid)
        );
      } catch {
        return false; // it has ended meanwhile
      }
    });
}
