/** What a handler learns of its message through the worker, and what it stores under states of its own. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp, type TaskRequest, type WorkerHandle } from "../index.ts";
import { coreOf } from "../app/app.ts";
import type { Message } from "../wire/message.ts";

const never = new AbortController().signal;

describe("a handler", () => {
  let app: App;
  let worker: WorkerHandle | undefined;
  let seen: TaskRequest[];
  beforeEach(() => {
    seen = [];
    app = createApp({ broker: "memory:" });
    app.task("t.look", (_: unknown, { request }) => void seen.push(request));
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    await app.close();
  });
  const work = async (): Promise<void> => {
    worker = await app.work({ pool: "inline" });
  };
  /** As Python's producer writes it. */
  const message = (id: string, headers: Record<string, unknown>, properties: Message["properties"]): Message => ({
    headers: Object.assign(Object.create(null) as Record<string, unknown>, {
      lang: "py",
      task: "t.look",
      id,
      ...headers,
    }),
    properties,
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from("[[1],{},{}]"),
  });

  it("sees what the sender said", async () => {
    const { broker } = await coreOf(app).connect();
    const headers = {
      root_id: "root",
      parent_id: "parent",
      group: "g",
      group_index: 3,
      retries: 2,
      timelimit: [60, 30],
      eta: "2020-01-01T00:00:00+00:00",
      expires: "2999-01-01T00:00:00+00:00",
      origin: "gen1@host",
      shadow: "shown",
      stamped_headers: ["tenant"],
      stamps: { tenant: ["kiosk"] },
      mine: "own",
    };
    const properties = { correlationId: "c", replyTo: "oid", priority: 6 };
    await broker.publish([{ queue: "celery", message: message("full", headers, properties) }], never);
    await work();
    await app.result("full").get({ timeout: "60s" });
    expect(seen).toEqual([
      {
        root: "root",
        parent: "parent",
        group: "g",
        groupIndex: 3,
        retries: 2,
        correlationId: "c",
        replyTo: "oid",
        priority: 6,
        redelivered: false,
        routingKey: "celery",
        timeLimit: 60_000,
        softTimeLimit: 30_000,
        eta: new Date("2020-01-01T00:00:00Z"),
        expires: new Date("2999-01-01T00:00:00Z"),
        origin: "gen1@host",
        shadow: "shown",
        headers: { mine: "own" },
        stamps: { tenant: ["kiosk"] },
      },
    ]);
    expect(Object.isFrozen(seen[0])).toBe(true);
  });

  it("sees the usual where it said nothing", async () => {
    const { broker } = await coreOf(app).connect();
    await broker.publish([{ queue: "celery", message: message("bare", {}, {}) }], never);
    await work();
    await app.result("bare").get({ timeout: "60s" });
    expect(seen[0]).toMatchObject({ root: "bare", correlationId: "bare", priority: 0, retries: 0, stamps: {} });
    expect([seen[0]?.parent, seen[0]?.replyTo, seen[0]?.timeLimit, seen[0]?.eta]).toEqual(Array(4).fill(undefined));
  });

  it("stores states of its own, which others read with what belongs to them", async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const crop = app.task("t.crop", async (_: unknown, ctx) => {
      await ctx.state("CROPPING", { page: 3, left: [1, 2] });
      await gate;
      await ctx.state("PACKING");
      return "packed";
    });
    await work();
    const sent = await crop.delay("a");
    const states: (readonly [state: string, meta: unknown, final: boolean])[] = [];
    for await (const { state, meta, final } of sent.watch()) {
      states.push([state, meta, final]);
      if (state !== "CROPPING") continue;
      expect(await sent.details()).toMatchObject({ state: "CROPPING", meta: { page: 3, left: [1, 2] } });
      go();
    }
    expect(states.filter(([state]) => state === "CROPPING")).toEqual([["CROPPING", { page: 3, left: [1, 2] }, false]]);
    expect(states.at(-1)).toEqual(["SUCCESS", undefined, true]);
    await expect(app.result(sent.id).details()).resolves.toMatchObject({ meta: undefined });
  });
});
