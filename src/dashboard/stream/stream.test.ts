/** The stream of changes: what is told, what is told again to who comes back, and what becomes of who does not read. */

import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { Viewer } from "../access/viewer.ts";
import type { LogPage, StreamEvent, TaskPage } from "../contract.ts";
import { Stage } from "../fixtures/stage.ts";
import { serveDashboard } from "../http/server.ts";
import { Hub } from "./hub.ts";

const admin: Viewer = { name: "a", role: "admin" };
const never = new AbortController().signal;

interface Heard {
  readonly id: string;
  readonly event: StreamEvent;
}

/** Reads events one after the other; `undefined` at the end. */
class Listener {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";
  /** The place that was named last. */
  place = "";

  constructor(response: Response) {
    if (response.body === null) throw new Error("the answer has no body");
    this.#reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  }

  async next(): Promise<Heard | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const id = /^id: (.*)$/m.exec(block)?.[1];
        if (id !== undefined) this.place = id;
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) return { id: id ?? "", event: JSON.parse(data) as StreamEvent };
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  async until(fits: (event: StreamEvent) => boolean): Promise<StreamEvent> {
    for (;;) {
      const heard = await this.next();
      if (heard === undefined) throw new Error("the stream ended before");
      if (fits(heard.event)) return heard.event;
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

describe("the hub", () => {
  let clock: VirtualClock;
  let hub: Hub;
  beforeEach(() => {
    clock = new VirtualClock();
    hub = new Hub(clock, 150);
  });
  afterEach(() => hub[Symbol.dispose]());

  const listen = (topics: string, last?: string, viewer = admin): Listener =>
    new Listener(hub.open(topics.split(","), viewer, last, never));

  test("tells each topic to who listens to it, and some things to all", async () => {
    const dead = listen("dead");
    const both = listen("dead,schedules");
    hub.tell({ type: "schedules" }, "schedules");
    hub.tell({ type: "dead" }, "dead");
    hub.tell({ type: "broker", connected: false });
    expect([(await dead.next())?.event.type, (await dead.next())?.event.type]).toEqual(["dead", "broker"]);
    expect([(await both.next())?.event.type, (await both.next())?.event.type]).toEqual(["schedules", "dead"]);
  });

  test("goes on where a listener stopped, if it was not away for too long", async () => {
    const first = listen("dead");
    hub.tell({ type: "dead" }, "dead");
    await first.next();
    const { place } = first;
    await first.close();
    hub.tell({ type: "broker", connected: false });
    hub.tell({ type: "dead" }, "dead");
    const again = listen("dead", place);
    expect([(await again.next())?.event.type, (await again.next())?.event.type]).toEqual(["broker", "dead"]);
    await again.close();
    // A topic that nobody watched meanwhile may have missed something.
    expect(await listen("schedules", place).next()).toMatchObject({ event: { type: "reset", why: "gap" } });
    const other = listen("dead", "elsewhere-1");
    expect(await other.next()).toMatchObject({ event: { type: "reset", why: "gap" } });
    await other.close();
    const { place: late } = again;
    await clock.advance(60_000);
    hub.topics();
    expect(await listen("dead", late).next()).toMatchObject({ event: { type: "reset", why: "gap" } });
  });

  test("a place is good as long as what came after it is kept", async () => {
    const first = listen("dead");
    hub.tell({ type: "dead" }, "dead");
    await first.next();
    for (let n = 0; n < 501; n++) hub.tell({ type: "dead" }, "dead");
    expect(await listen("dead", first.place).next()).toMatchObject({ event: { type: "reset", why: "gap" } });
  });

  test("what many hear is written once, also for those who are confined to the same queues", async () => {
    const confined = { name: "c", role: "view", queues: ["mail"] } as const;
    const viewers: readonly Viewer[] = [admin, admin, confined, { ...confined, name: "d" }];
    const readers = viewers.map((viewer) => hub.open(["tasks"], viewer, undefined, never).body?.getReader());
    for (const reader of readers) await reader?.read(); // hello
    const row = { id: "1", state: "running", since: 1, seen: 1, attempts: 1 } as const;
    const rows = [
      { ...row, queue: "mail" },
      { ...row, queue: "default" },
    ];
    hub.tell({ type: "tasks", rows, more: 0 }, "tasks");
    const [one, two, three, four] = await Promise.all(readers.map(async (reader) => (await reader?.read())?.value));
    expect(one).toBe(two);
    expect(three).toBe(four);
    expect(Buffer.from(one ?? []).toString()).toContain("default");
    expect(Buffer.from(three ?? []).toString()).toContain("mail");
    expect(Buffer.from(three ?? []).toString()).not.toContain("default");
  });

  test("of a hundred listeners one that never reads is told reset and dropped, and costs no more than the others", async () => {
    const lazy = hub.open(["tasks"], admin, undefined, never);
    const others = Array.from({ length: 99 }, () => listen("tasks"));
    const args = "x".repeat(10_000);
    const row = { id: "1", state: "running", since: 1, seen: 1, attempts: 1, args } as const;
    const sent = 40;
    for (let n = 0; n < sent; n++) {
      hub.tell({ type: "tasks", rows: [row], more: 0 }, "tasks");
      for (const other of others) expect((await other.next())?.event.type).toBe("tasks");
      expect(hub.waiting).toBeLessThan(300_000);
    }
    expect(hub.size).toBe(100);
    await clock.advance(10_000);
    expect(hub.size).toBe(99);
    await expect(lazy.text()).rejects.toThrow(/dropped/);
    hub.tell({ type: "dead" });
    for (const other of others) expect((await other.next())?.event.type).toBe("dead");
  });

  test("a slow one that reads again finds the reset, and the end", async () => {
    const slow = hub.open(["tasks"], admin, undefined, never);
    const rows = [{ id: "1", state: "running", since: 1, seen: 1, attempts: 1, args: "x".repeat(300_000) }] as const;
    hub.tell({ type: "tasks", rows, more: 0 }, "tasks");
    const listener = new Listener(slow);
    expect((await listener.next())?.event).toEqual({ type: "reset", why: "slow" });
    expect(await listener.next()).toBeUndefined();
    expect(hub.size).toBe(0);
  });

  test("is bounded, and knows its topics", () => {
    for (let n = 0; n < 150; n++) hub.open(["dead"], admin, undefined, never);
    expect(() => hub.open(["dead"], admin, undefined, never)).toThrow(/Too many streams/);
    const fresh = new Hub(clock, 1);
    for (const topics of [[], ["everything"], ["task:"], Array.from({ length: 21 }, (_, n) => `task:${String(n)}`)])
      expect(() => fresh.open(topics, admin, undefined, never)).toThrow(/topic/);
    fresh[Symbol.dispose]();
  });

  test("who is confined hears of their queues alone", async () => {
    const confined = listen("tasks,task:1,queues", undefined, { name: "c", role: "view", queues: ["mail"] });
    const row = { id: "1", state: "running", since: 1, seen: 1, attempts: 1 } as const;
    hub.tell({ type: "task", id: "1", row: { ...row, queue: "money" } }, "task:1");
    const rows = [{ ...row, queue: "money" }, { ...row, queue: "mail" }, row];
    hub.tell({ type: "tasks", rows, more: 0 }, "tasks");
    expect((await confined.next())?.event).toMatchObject({ type: "tasks", rows: [{ queue: "mail" }] });
  });
});

test("a page hears what happens on a real broker", async () => {
  await using stage = new Stage();
  const slow = stage.app.task("slow", async (_input: { n: number }, ctx) => {
    ctx.log.info("on it");
    return "done";
  });
  await stage.page.start();
  await stage.work();
  const id = crypto.randomUUID();
  const topics = ["overview", "tasks", "queues", "workers", `task:${id}`].map((topic) => `topics=${topic}`);
  const listener = new Listener(await stage.ask(`/api/stream?${topics.join("&")}`));
  await listener.until(({ type }) => type === "overview");
  await slow.enqueue({ n: 1 }, { id });
  const told = await listener.until((event) => event.type === "tasks" && event.rows.some((row) => row.id === id));
  expect(told).toMatchObject({ type: "tasks", rows: [{ id, task: "slow" }] });
  expect(await listener.until((event) => event.type === "workers")).toMatchObject({ rows: [{ name: "w1@here" }] });
  await listener.close();
});

test("a live log line is redacted by the name of its task, like the one on its page", async () => {
  const covered = "sk-canary-3108";
  await using stage = new Stage(undefined, {
    redact: (text, { kind, task }) => (kind === "log" && task === "card.pay" ? text.replaceAll(covered, "***") : text),
  });
  const pay = stage.app.task("card.pay", (input: { key: string }, ctx) => ctx.log.info(`with ${input.key}`));
  await stage.page.start();
  await stage.work();
  const id = crypto.randomUUID();
  const listener = new Listener(await stage.ask(`/api/stream?topics=task:${id}`));
  await pay.enqueue({ key: covered }, { id });
  const told = await listener.until(({ type }) => type === "log");
  expect(told).toMatchObject({ type: "log", id, lines: [{ text: "with ***" }] });
  await listener.close();
  const { items } = await stage.get<LogPage>(`/api/tasks/${id}/log`);
  expect(items).toMatchObject([{ text: "with ***" }]);
});

test("who was away for a moment is told what happened meanwhile, though nobody else listened", async () => {
  await using stage = new Stage();
  const quick = stage.app.task("quick", (_input: { n: number }) => "done");
  await stage.page.start();
  await stage.work();
  const first = new Listener(await stage.ask("/api/stream?topics=tasks&topics=workers"));
  await first.until(({ type }) => type === "workers");
  await first.close();
  const { id } = await quick.delay({ n: 1 });
  await stage.until<TaskPage>("/api/tasks?state=succeeded", ({ items }) => items.length === 1);
  const headers = { "last-event-id": first.place };
  const again = new Listener(await stage.ask("/api/stream?topics=tasks&topics=workers", { headers }));
  const told = await again.until((event) => event.type === "tasks" || event.type === "reset");
  expect(told).toMatchObject({ type: "tasks", rows: [{ id }] });
  await again.close();
});

test("over a real server: who goes away frees the place; who never reads does not hold it", async () => {
  await using stage = new Stage(undefined, {});
  await using served = await serveDashboard(stage.app, { port: 0, history: ":memory:", maxStreams: 2 });
  const stream = (): Promise<{ status: number; end: () => void }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`${served.url}api/stream?topics=overview`, (response) => {
        resolve({ status: response.statusCode ?? 0, end: () => request.destroy() });
      });
      request.on("error", reject).end();
    });
  const [one, two] = [await stream(), await stream()];
  expect([one.status, two.status]).toEqual([200, 200]);
  expect((await stream()).status).toBe(503);
  one.end();
  await expect.poll(async () => (await stream()).status).toBe(200);
});
