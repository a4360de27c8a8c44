/** A worker and its app with a logger of the user's: the real pino, writing into a list. */

import pino from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { type App, createApp, type WorkerEvent } from "../index.ts";
import { eventPrinter } from "./event-log.ts";

type Line = Readonly<Record<string, unknown>>;

function listed(level = "debug"): { readonly lines: Line[]; readonly logger: pino.Logger } {
  const lines: Line[] = [];
  const logger = pino({ level }, { write: (text: string) => void lines.push(JSON.parse(text) as Line) });
  return { lines, logger };
}

describe("a logger of one's own", () => {
  let app: App | undefined;
  afterEach(() => app?.close());

  test("gets what handlers say with the task, and what becomes of it", async () => {
    const { lines, logger } = listed();
    app = createApp({ broker: "memory:own-logger", log: logger });
    const greet = app.task("greet", (name: string, { log }) => {
      log.warn("greeting", { name });
      if (name === "nobody") throw new RangeError("whom?");
    });
    await using worker = await app.work({ pool: "inline", name: "w@own" });
    const sent = await greet.delay("Ann");
    await sent.get({ timeout: "60s" });
    const failed = await greet.delay("nobody");
    await failed.get({ timeout: "60s" }).catch(() => {});
    await worker.stop();
    const about = { worker: "w@own", id: sent.id, task: "greet", queue: "celery", attempt: 1, pid: process.pid };
    expect(lines.find(({ msg }) => msg === "greeting")).toMatchObject({
      ...about,
      level: 40,
      event: "task.log",
      fields: { name: "Ann" },
    });
    expect(lines.find(({ msg }) => msg === "task.succeeded greet")).toMatchObject({ ...about, level: 30 });
    expect(lines.find(({ msg }) => msg === "task.failed greet: RangeError: whom?")).toMatchObject({
      level: 50,
      id: failed.id,
    });
    expect(lines.at(-1)).toMatchObject({ event: "worker.stopped" });
  });

  test("of a worker goes before that of its app", async () => {
    const [apps, workers] = [listed(), listed("info")];
    app = createApp({ broker: "memory:own-logger", log: apps.logger });
    const noop = app.task("noop", () => null);
    await using worker = await app.work({ pool: "inline", log: workers.logger });
    await (await noop.delay()).get({ timeout: "60s" });
    await worker.stop();
    expect(apps.lines).toEqual([]);
    const events = workers.lines.map(({ event }) => event);
    expect(events).toEqual(["worker.ready", "task.succeeded", "worker.stopping", "worker.stopped"]);
  });

  test("has one pid in each line, its own; that of a child stands beside it", () => {
    const texts: string[] = [];
    const logger = pino({}, { write: (text: string) => void texts.push(text) });
    const print = eventPrinter(logger, "w");
    const event: WorkerEvent = { type: "task:succeeded", at: 1, worker: "w", id: "1", pid: process.pid + 1 };
    print(event);
    print({ ...event, pid: process.pid });
    expect(texts.map((text) => text.match(/"pid":\d+/g))).toEqual([
      [`"pid":${String(process.pid)}`],
      [`"pid":${String(process.pid)}`],
    ]);
    expect(texts.map((text) => (JSON.parse(text) as Line)["child"])).toEqual([process.pid + 1, undefined]);
  });

  test("is refused where it lacks a method, and a place that is none too", async () => {
    const half = { info() {}, warn() {}, child: () => half };
    const code = "CONFIG_INVALID";
    expect(() => createApp({ broker: "memory:own-logger", log: half as never })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining("no debug, error") as string }) as Error,
    );
    app = createApp({ broker: "memory:own-logger" });
    app.task("noop", () => null);
    await expect(app.work({ pool: "inline", log: "loud" as never })).rejects.toMatchObject({ code });
    await expect(app.beat({ log: "loud" as never })).rejects.toMatchObject({ code });
  });
});
