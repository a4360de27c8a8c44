/** Parts of an input that nobody is to see, followed to everything that shows a task: only its handler, and the body of its message, has them. */

import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dashboard } from "../../src/dashboard/dashboard.ts";
import { chain, createApp, group, Secret } from "../../src/index.ts";
import { celeriac, WorkerProcess } from "../server/command-line.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import type { Declared, Wrapped } from "./redaction/app.ts";
import { digestOf } from "./redaction/app.ts";
import { formsOf, leaksIn } from "./canary/forms.ts";
import { pageRequest, paths } from "./canary/page-request.ts";

const token = 'sk-canary-4711 "q"/x';
const card = { number: "4711-canary-0815", holder: "Ada" };
const pin = 47_110_815;
const forms = formsOf([token, "sk-canary-4711", card.number, String(pin)]);
const appFile = fileURLToPath(new URL("./redaction/app.ts", import.meta.url));
const node = "redacting@here";
const soon = { timeout: "60s" } as const;

describeWith("redis-server", "parts of an input that nobody is to see", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test.each(["process", "inline"] as const)(
    "reach their handler whole, and are shown nowhere, with children of the kind %s",
    async (pool) => {
      const url = `${redis.url.replace(/\/\d+$/, "")}/${pool === "process" ? "1" : "2"}`;
      const env = { CELERIAC_BROKER: url };
      const told = new Map<string, string>();
      const keep = (source: string, text: string): void => void told.set(source, (told.get(source) ?? "") + text);
      const kept = (source: string, error: unknown): void =>
        keep(source, inspect(error, { depth: 20, showHidden: true }));

      const app = createApp({ name: "redaction", broker: url });
      const redact = ["card.number", "pin"];
      const declared = app.task("r.declared", { redact }, (_: Declared) => "");
      const fails = app.task("r.fails", { redact }, (_: Declared): void => {});
      const [wrapped, throwing, exits, waits, returns, sends] = (
        ["r.wrapped", "r.throwing", "r.exits", "r.waits", "r.returns", "r.sends"] as const
      ).map((name) => app.task(name, (_: Wrapped) => ""));
      const unknown = app.task("r.unknown", { redact: ["*"], queue: "nowhere" }, (_: Declared): void => {});
      await using page = Object.assign(dashboard(app, { history: ":memory:" }), {
        [Symbol.asyncDispose]: () => app.close(),
      });
      await page.start();
      const progressed = Promise.withResolvers<void>();
      await using listening = await app.events(({ events }) => {
        keep("events", JSON.stringify(events));
        for (const { type, uuid } of events) if (type === "celeriac-progress" && uuid === "waits") progressed.resolve();
      });
      void listening;
      const args = ["-A", appFile, "--pool", pool, "-c", "4", "-n", node, "-E"];
      await using worker = new WorkerProcess(args, env);
      await worker.line("worker.ready");

      const secret = { token: new Secret(token), n: 1 };
      const charge = { card, pin };
      const one = await declared.enqueue(charge);
      expect(await one.get(soon)).toBe(digestOf(card.number + String(pin)));
      const two = await wrapped!.enqueue(secret);
      expect(await two.get(soon)).toBe(digestOf(token));
      const three = await app.enqueue(chain(declared.si(charge), wrapped!.si(secret)));
      expect(await three.get(soon)).toBe(digestOf(token));
      await (await app.enqueue(group([wrapped!.si(secret), declared.si(charge)]))).get(soon);
      // From a child, which has no connection.
      const inner = await (await sends!.enqueue(secret)).get(soon);
      expect(await app.result<string>(inner).get(soon)).toBe(digestOf(token));
      const failed = [await fails.enqueue(charge), await throwing!.enqueue(secret), await returns!.enqueue(secret)];
      for (const each of failed)
        await each.get(soon).then(
          () => expect.fail(),
          (error: unknown) => kept("a failure", error),
        );
      if (pool === "process") {
        const dying = await exits!.enqueue(secret);
        await dying.get(soon).catch((error: unknown) => kept("a crash", error));
      }
      const stuck = await unknown.enqueue(charge);
      const later = await wrapped!.enqueue(secret, { delay: "1h" });
      const running = await waits!.enqueue(secret, { id: "waits" });
      await progressed.promise;
      // Of a sender that knows nothing of it: the worker's declaration counts.
      await using other = createApp({ name: "other", broker: url, sentEvents: false });
      const bare = await other.remote<(input: Declared) => void>("r.fails").enqueue([charge]);
      await bare.get(soon).catch((error: unknown) => kept("a failure", error));

      const message = await redis.cli("-n", pool === "process" ? "1" : "2", "LRANGE", "nowhere", "0", "-1");
      expect(forms.some((form) => message.includes(form))).toBe(true); // the body has it

      const commands = [
        ["dlq", "list", "--json"],
        ["inspect", "active", "-A", appFile],
        ["inspect", "reserved", "-A", appFile],
        ["inspect", "scheduled", "-A", appFile],
        ["task", failed[0]!.id, "-A", appFile],
        ["task", failed[1]!.id, "-A", appFile],
        ["task", stuck.id],
        ["result", failed[1]!.id, "-A", appFile],
      ];
      const { items } = await app.dead.list({}, undefined, 50);
      expect(items.length).toBeGreaterThan(0);
      keep("dead letters", JSON.stringify(items.map(({ raw: _raw, ...rest }) => rest)));
      items.forEach(({ key }, index) =>
        commands.push(["dlq", "show", key, ...(index % 2 === 0 ? ["-A", appFile] : ["--json"])]),
      );
      // They know nothing of where handlers run.
      const asked = pool === "process" ? commands : [];
      await Promise.all(
        asked.map(async (args) => {
          const { stdout, stderr } = await celeriac(args, env);
          keep(args.slice(0, 2).join(" "), stdout + stderr);
        }),
      );
      // Side by side: some of them ask workers, and wait for those that do not answer.
      const look = async (path: string, id: string): Promise<void> => {
        const request = pageRequest(path, { worker: node, queue: id === stuck.id ? "nowhere" : "celery", id });
        keep(`dashboard ${path}`, await (await page(request, { address: "127.0.0.1" })).text());
      };
      const ids = [one, two, ...failed, stuck, later, running].map((each) => each.id);
      await Promise.all(paths.flatMap((path) => (path.includes(":") ? ids : [one.id]).map((id) => look(path, id))));
      await worker.stop("SIGQUIT"); // at once: a warm stop would wait for what waits
      keep("the worker's log", worker.lines.map((line) => JSON.stringify(line)).join("\n"));
      expect(told.get("events")).toContain("***");
      expect(told.get("dashboard /api/tasks")).toContain("***");
      expect(told.get("the worker's log")).toContain("***");
      expect(leaksIn(told, forms)).toEqual([]);
    },
    240_000,
  );
});
