/** Parts of a scheduled call that nobody is to see: they lie in its entry and in the bodies of its ticks, and nothing that shows either has them. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { dashboard } from "../../src/dashboard/dashboard.ts";
import { chain, every, Secret } from "../../src/index.ts";
import { celeriac } from "../server/command-line.ts";
import { formsOf, leaksIn } from "./canary/forms.ts";
import { pageRequest, paths } from "./canary/page-request.ts";

const folder = mkdtempSync(join(tmpdir(), "celeriac-redacted-schedules-"));
const broker = `sqlite:${join(folder, "queue.db")}`;
const spans = join(folder, "spans.jsonl");
process.env["SPANS_FILE"] = spans;
process.env["CELERIAC_BROKER"] = broker;
const { app, declared, wrapped } = await import("./redaction/app.ts");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const token = 'sk-canary-1508 "q"/x';
const card = { number: "1508-canary-4711", holder: "Ada" };
const pin = 15_084_711;
const forms = formsOf([token, "sk-canary-1508", card.number, String(pin)]);
const appFile = fileURLToPath(new URL("./redaction/app.ts", import.meta.url));

test("are in no list, page, event, log, span or printed arguments of a schedule", async () => {
  const told = new Map<string, string>();
  const keep = (source: string, text: string): void => void told.set(source, (told.get(source) ?? "") + text);
  const command = async (...args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await celeriac([...args, "-A", appFile], { CELERIAC_BROKER: broker });
    keep(args.slice(0, 3).join(" "), stdout + stderr);
  };
  await using page = Object.assign(dashboard(app, { history: ":memory:" }), {
    [Symbol.asyncDispose]: () => app.close(),
  });
  await page.start();
  const sent = Promise.withResolvers<void>();
  await using listening = await app.events(({ events }) => {
    keep("events", JSON.stringify(events));
    if (events.some(({ type }) => type === "task-sent")) sent.resolve();
  });
  void listening;
  app.schedule(
    "in code",
    every("100ms"),
    chain(declared.si({ card, pin }), wrapped.si({ token: new Secret(token), n: 1 })),
  );
  await app.schedules.add("at run time", every("100ms"), declared.si({ card, pin }), { headers: { note: "shop" } });
  await command(
    "schedule",
    "add",
    "by command",
    "every 100ms",
    "r.declared",
    "--kwargs",
    JSON.stringify({ card, pin }),
  );
  await command("call", "r.declared", "--kwargs", JSON.stringify({ card, pin }), "--header", "note=shop");
  // Every tick of this one fails to be sent, and says why.
  await app.schedules.add("too large", every("100ms"), wrapped.si({ token: new Secret(token.repeat(100_000)), n: 1 }));
  const ticks = new Set<unknown>();
  const all = Promise.withResolvers<void>();
  const first = Promise.withResolvers<string>();
  await using beat = await app.beat({
    onEvent: (event) => {
      keep("the scheduler's log", JSON.stringify(event));
      if (event.type !== "schedule:sent" && event.code !== "SCHEDULE_BROKEN") return;
      if (event.schedule === "in code" && event.id !== undefined) first.resolve(event.id);
      if (ticks.add(event.schedule ?? event.detail?.["schedule"]).size === 4) all.resolve();
    },
  });
  void beat;
  const id = await first.promise;
  await all.promise;
  await sent.promise;

  const { items } = await app.queues.browse("celery", "ready", undefined, 50);
  const messages = items.map(({ raw }) => JSON.parse(Buffer.from(raw).toString()) as { body: string; headers: object });
  expect(leaksIn(new Map([["bodies", messages.map(({ body }) => body).join()]]), forms)).not.toEqual([]);
  keep("headers", JSON.stringify(messages.map(({ headers }) => headers)));
  keep("app.schedules", JSON.stringify([await app.schedules.list(), await app.schedules.history("at run time", 9)]));
  const commands = [
    ["schedule", "list", "--json"],
    ["schedule", "run", "at run time", "--json"],
  ];
  await Promise.all(commands.map((args) => command(...args)));
  // Side by side: some of them wait for workers, and there are none.
  await Promise.all(
    paths.map(async (path) => {
      const request = pageRequest(path, { worker: "none", queue: "celery", id });
      keep(`dashboard ${path}`, await (await page(request, { address: "127.0.0.1" })).text());
    }),
  );
  keep("spans", readFileSync(spans, "utf8"));
  expect(told.get("headers")).toContain("***");
  expect(told.get("events")).toContain("***");
  expect(told.get("schedule list --json")).toContain("too large");
  expect(told.get("the scheduler's log")).toContain("is too large: ");
  expect(leaksIn(told, forms)).toEqual([]);
}, 240_000);
