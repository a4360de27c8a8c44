/** Events leave in lists, never wait for a slow broker, and say what was lost over that; those who listen hear it all, gaps included. */

import { describe, expect, test } from "vitest";
import { type App, coreOf, createApp } from "../app/app.ts";
import type { Bus, Channel } from "../port/bus.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { type CeleryEvent, eventMessage, readEvents } from "../wire/event.ts";
import type { Message } from "../wire/message.ts";
import { Attention, type EventMode } from "./attention.ts";
import { Emitter } from "./emitter.ts";
import { LamportClock } from "./lamport.ts";
import { filterOf } from "./stream.ts";

class Stage {
  readonly clock = new VirtualClock();
  readonly lamport = new LamportClock();
  readonly sent: { readonly topic: string; readonly events: readonly CeleryEvent[] }[] = [];
  /** What publishes wait for, once they are to. */
  gate: Promise<void> | undefined;
  readonly emitter: Emitter;

  constructor(limit?: number) {
    const publish = async (channel: Channel, message: Message): Promise<void> => {
      await this.gate;
      this.sent.push({ topic: channel.kind === "event" ? channel.type : "", events: readEvents(message) });
    };
    const { clock, lamport } = this;
    const common = { bus: { publish }, clock, lamport, hostname: "w@h", pid: 7 };
    this.emitter = new Emitter({ ...common, ...(limit !== undefined && { limit }) });
  }

  get types(): readonly string[] {
    return this.sent.flatMap(({ events }) => events.map(({ type }) => type));
  }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the emitter", () => {
  test("gathers what happens within a moment, by group, each with its time", async () => {
    const stage = new Stage();
    stage.emitter.queue("task-started", { uuid: 'ä\u0000"1', attempt: 1 });
    stage.emitter.queue("celeriac-log", { text: "hello", fields: null, nothing: undefined });
    stage.emitter.queue("task-succeeded", { uuid: "1" });
    stage.emitter.queue("task-started", {});
    expect(stage.sent).toEqual([]);
    await stage.clock.advance(20);
    expect(stage.sent.map(({ topic }) => topic)).toEqual(["task.multi", "celeriac.multi"]);
    const common = { hostname: "w@h", utcoffset: expect.any(Number) as number, pid: 7 };
    const timestamp = (stage.clock.now() - 20) / 1000;
    expect(stage.sent[0]?.events).toEqual([
      { ...common, clock: 1, uuid: 'ä\u0000"1', attempt: 1, timestamp, type: "task-started" },
      { ...common, clock: 3, uuid: "1", timestamp, type: "task-succeeded" },
      { ...common, clock: 4, timestamp, type: "task-started" },
    ]);
    expect(stage.sent[1]?.events).toEqual([
      { ...common, clock: 2, text: "hello", fields: null, timestamp, type: "celeriac-log" },
    ]);
  });

  test("waits for nobody once a list is full", async () => {
    const stage = new Stage();
    for (let index = 0; index < 250; index++) stage.emitter.queue("task-started", { uuid: String(index) });
    await turn();
    expect(stage.sent.map(({ events }) => events.length)).toEqual([250]);
  });

  test("what is larger than a list has one of its own", async () => {
    const stage = new Stage();
    stage.emitter.queue("celeriac-log", { text: "a" });
    stage.emitter.queue("celeriac-log", { text: "☃".repeat(100_000) });
    stage.emitter.queue("celeriac-log", { text: "b" });
    await stage.emitter.drain();
    expect(stage.types).toHaveLength(3);
    expect(stage.sent.flatMap(({ events }) => events.map((event) => String(event["text"]).length))).toEqual([
      1, 100_000, 1,
    ]);
  });

  test("throws the oldest away when the broker hangs, and says how many", async () => {
    const stage = new Stage(1_000);
    const gate = Promise.withResolvers<void>();
    stage.gate = gate.promise;
    // Sixteen lists are under way by then, a thousand events wait, and the rest is lost.
    for (let index = 0; index < 10_000; index++) {
      stage.emitter.queue("task-started", { uuid: String(index) });
      if (index % 250 === 249) await turn();
    }
    gate.resolve();
    await stage.emitter.drain();
    const { dropped } = stage.emitter;
    expect(dropped).toBeGreaterThan(4_000);
    const told = stage.sent.flatMap(({ events }) => events);
    expect(told.filter(({ type }) => type === "task-started")).toHaveLength(10_000 - dropped);
    const gaps = told.filter(({ type }) => type === "celeriac-gap");
    expect(gaps.reduce((sum, gap) => sum + Number(gap["missed"]), 0)).toBe(dropped);
    expect(told.some(({ uuid }) => uuid === "9999")).toBe(true);
  });

  test("survives a bus that throws, and what cannot be written", async () => {
    const { clock, lamport } = new Stage();
    const bus = { publish: () => Promise.reject(new Error("closed")) };
    const emitter = new Emitter({ bus, clock, lamport, hostname: "w@h", pid: 7 });
    await emitter.send("worker-online", {});
    await emitter.send("worker-online", { cycle: 1n, wrong: () => {} });
    emitter.queue("task-started", {});
    await emitter.drain();
    expect(emitter.dropped).toBe(3);
  });

  test("does not wait for ever at the end", async () => {
    const stage = new Stage();
    stage.gate = new Promise(() => {});
    stage.emitter.queue("task-started", {});
    const drained = stage.emitter.drain();
    await stage.clock.advance(1_000);
    await drained;
  });
});

describe("attention", () => {
  const attention = (mode: EventMode, heard: boolean | "unknown" = false) => {
    const clock = new VirtualClock();
    const bus = { heard, audience: (): boolean | "unknown" => bus.heard };
    return { clock, bus, attention: new Attention(bus as Pick<Bus, "audience">, clock, mode, "task.multi") };
  };

  test("auto: as long as somebody may listen", async () => {
    const { clock, bus, attention: auto } = attention("auto");
    expect([auto.on, auto.enabled]).toEqual([false, false]);
    for (const heard of [true, "unknown"] as const) {
      bus.heard = heard;
      await clock.advance(200);
      expect([auto.on, auto.enabled]).toEqual([true, true]);
    }
    bus.heard = false;
    await clock.advance(200);
    expect(auto.on).toBe(false);
  });
  test("who asks is believed before the broker knows of him", async () => {
    const { clock, attention: auto } = attention("auto");
    expect(auto.enable()).toBe(true);
    expect(auto.enable()).toBe(false);
    expect(auto.on).toBe(true);
    await clock.advance(5_000);
    expect(auto.on).toBe(false);
    auto.notice();
    expect(auto.on).toBe(true);
  });
  test("off until it is asked for, and off again", async () => {
    const { clock, bus, attention: off } = attention(false, true);
    expect([off.on, off.enabled]).toEqual([false, false]);
    expect(off.enable()).toBe(true);
    expect([off.on, off.enabled]).toEqual([true, true]);
    bus.heard = false;
    await clock.advance(5_000);
    expect([off.on, off.enabled]).toEqual([false, true]);
    expect(off.disable()).toBe(true);
    expect(off.disable()).toBe(false);
    bus.heard = true;
    await clock.advance(200);
    expect([off.on, off.enabled]).toEqual([false, false]);
  });
  test("always, until it is forbidden", () => {
    const { attention: always } = attention(true);
    expect([always.on, always.enabled]).toEqual([true, true]);
    expect(always.enable()).toBe(false);
    expect(always.disable()).toBe(true);
    expect([always.on, always.enabled]).toEqual([false, false]);
    expect(always.enable()).toBe(true);
    expect(always.on).toBe(true);
  });
});

describe("the logical clock", () => {
  test("is past all that was heard, and takes nothing else for time", () => {
    const clock = new LamportClock();
    expect([clock.forward(), clock.forward()]).toEqual([1, 2]);
    expect(clock.adjust(10)).toBe(11);
    expect(clock.adjust(3)).toBe(12);
    for (const none of [-1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER, Infinity]) clock.adjust(none);
    expect(clock.value).toBe(12);
    expect(clock.forward()).toBe(13);
  });
});

describe("app.events", () => {
  let made = 0;
  const testApp = (): App => createApp({ broker: `memory:app-events-${String(++made)}` });
  const tell = async (app: App, ...types: readonly string[]): Promise<void> => {
    const { bus } = await coreOf(app).connect();
    for (const type of types) {
      const event = { type, timestamp: 1, hostname: "w@h", utcoffset: 0, pid: 1, clock: 1, missed: 4 };
      await bus.publish({ kind: "event", type: type.replaceAll("-", ".") }, eventMessage(event));
    }
  };

  test("as a loop, that ends with the app", async () => {
    const app = testApp();
    const stream = await app.events({ types: ["task-*", "worker-online"] });
    await tell(app, "task-started", "worker-heartbeat", "worker-online");
    const heard: string[] = [];
    for await (const { events, missed } of stream) {
      expect(missed).toBe(0);
      heard.push(...events.map(({ type }) => type));
      if (heard.includes("worker-online")) await app.close();
    }
    expect(heard).toEqual(["task-started", "worker-online"]);
  });
  test("leaving the loop ends the listening", async () => {
    await using app = testApp();
    const stream = await app.events();
    await tell(app, "task-started");
    for await (const { events } of stream) if (events.length > 0) break;
    const { bus } = await coreOf(app).connect();
    expect(bus.audience({ kind: "event", type: "task.started" })).toBe(false);
  });
  test("says what a node has lost", async () => {
    await using app = testApp();
    const stream = await app.events();
    await tell(app, "celeriac-gap", "task-started", "celeriac-gap");
    for await (const { events, missed } of stream) {
      expect(missed).toBe(8);
      expect(events.map(({ type }) => type)).toEqual(["task-started"]);
      break;
    }
  });
  test("a listener that throws hurts nobody", async () => {
    await using app = testApp();
    const told = Promise.withResolvers<Error>();
    process.once("warning", told.resolve);
    let heard = 0;
    await using _listening = await app.events(() => {
      heard++;
      throw new Error("mine alone");
    });
    await tell(app, "task-started");
    expect((await told.promise).message).toBe("mine alone");
    await tell(app, "task-started");
    await turn();
    expect(heard).toBe(2);
  });
  test("ends with its signal", async () => {
    await using app = testApp();
    const over = new AbortController();
    const stream = await app.events({ signal: over.signal });
    over.abort();
    expect(await stream[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    await expect(app.events({ signal: over.signal })).rejects.toThrow();
  });
  test("types by name and by beginning", () => {
    expect(filterOf(undefined)).toBeUndefined();
    expect(filterOf(["*", "x"])).toBeUndefined();
    const wanted = filterOf(["task-*", "worker-online"]);
    expect(["task-x", "worker-online", "worker-offline", "xtask-"].map((type) => wanted?.(type))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("task-sent", () => {
  const sent = async (sentEvents: boolean | "auto", listening: boolean): Promise<readonly CeleryEvent[]> => {
    const broker = `memory:sent-events-${String(sentEvents)}-${String(listening)}`;
    const monitor = createApp({ broker });
    const { bus } = await coreOf(monitor).connect();
    const heard: CeleryEvent[] = [];
    const take = (events: readonly CeleryEvent[]): void => void heard.push(...events);
    const subscription = listening ? await monitor.events(({ events }) => take(events)) : undefined;
    const app = createApp({ broker, sentEvents });
    const own = (await coreOf(app).connect()).bus;
    const publish = own.publish.bind(own);
    let published = 0;
    own.publish = (channel, message) => {
      published++;
      return publish(channel, message);
    };
    const add = app.task("add", ({ x }: { x: number }) => x);
    await add.enqueue({ x: 1 }, { queue: "sums", expires: "1h", id: "sent-1" });
    await add.enqueue({ x: 1 }, { queue: "sums", id: "sent-1" });
    await app.close();
    if (listening && sentEvents !== false) await until(() => heard.length > 0);
    else expect(published > 0).toBe(sentEvents === true);
    await subscription?.close();
    expect(bus.audience({ kind: "event", type: "x" })).toBe(false);
    await monitor.close();
    return heard;
  };
  const until = async (ready: () => boolean): Promise<void> => {
    while (!ready()) await turn();
  };

  test("is told of what the broker accepted, once", async () => {
    const [event, ...more] = await sent("auto", true);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      type: "task-sent",
      uuid: "sent-1",
      root_id: "sent-1",
      parent_id: null,
      name: "add",
      args: "()",
      kwargs: "{'x': 1}",
      retries: 0,
      eta: null,
      queue: "sums",
      exchange: "",
      routing_key: "sums",
    });
    expect(event?.hostname).toMatch(/^gen\d+@/);
    expect(event?.["expires"]).toMatch(/^\d{4}-.*\+00:00$/);
  });
  test("is told to nobody, or always, or never", async () => {
    await sent("auto", false);
    await sent(true, false);
    expect(await sent(false, true)).toEqual([]);
  });
  test("and nothing else is an option", () => {
    expect(() => createApp({ sentEvents: "yes" as "auto" })).toThrow(/sentEvents/);
  });
});
