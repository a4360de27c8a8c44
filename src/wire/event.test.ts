/** Events that real workers and clients sent are read, and ours have their form. */

import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { type CeleryEvent, eventMessage, eventTopic, readEvents, utcOffset } from "./event.ts";
import type { Message } from "./message.ts";

interface Captures {
  readonly redis: Readonly<Record<string, { readonly channel: string; readonly raw: string; readonly body: string }>>;
  readonly amqp: Readonly<
    Record<
      string,
      {
        readonly routing_keys: readonly string[];
        readonly properties: { readonly headers: Readonly<Record<string, unknown>>; readonly content_type: string };
        readonly body: string;
      }
    >
  >;
}

const read = (raw: string): Message => {
  const message = decodeEnvelope(raw);
  if ("malformed" in message) throw new Error(message.reason);
  return message;
};
const message = (body: string, contentType = "application/json"): Message => ({
  headers: {},
  properties: {},
  contentType,
  contentEncoding: "utf-8",
  body: Buffer.from(body),
});
const first = (events: readonly CeleryEvent[]): CeleryEvent => {
  const [event] = events;
  if (event === undefined) throw new Error("no event");
  return event;
};

describe.each(["5.2.6", "5.6.3"])("Celery %s", (version) => {
  const file = new URL(`./fixtures/celery-${version}-events.json`, import.meta.url);
  const { redis, amqp } = JSON.parse(readFileSync(file, "utf8")) as Captures;

  test.each(Object.entries(redis))("Redis: %s", (_name, { channel, raw, body }) => {
    const theirs = read(raw);
    const events = readEvents(theirs);
    const plain = JSON.parse(body) as unknown;
    expect(events).toEqual(Array.isArray(plain) ? plain : [plain]);

    const batched = Array.isArray(plain);
    const ours = eventMessage(batched ? events : first(events));
    const once = read(encodeEnvelope(ours, "", "tag"));
    expect(once.headers).toEqual(theirs.headers);
    expect(once.contentType).toBe(theirs.contentType);
    expect(once.contentEncoding).toBe(theirs.contentEncoding);
    expect(once.properties.priority).toBe(theirs.properties.priority);
    expect(JSON.parse(Buffer.from(once.body).toString())).toEqual(plain);
    expect(channel).toBe(`/0.celeryev/${eventTopic(first(events).type, batched)}`);
  });

  test.each(Object.entries(amqp))("AMQP: %s", (_name, { routing_keys, properties, body }) => {
    const theirs = { ...message(body, properties.content_type), headers: properties.headers };
    const events = readEvents(theirs);
    const plain = JSON.parse(body) as unknown;
    expect(events).toEqual(Array.isArray(plain) ? plain : [plain]);
    expect(routing_keys).toEqual([eventTopic(first(events).type, Array.isArray(plain))]);
    expect(eventMessage(events).headers).toEqual(theirs.headers);
  });
});

describe("what is no event", () => {
  const event = { type: "task-x", timestamp: 1.5, hostname: "w@h", utcoffset: 0, pid: 1, clock: 2 };

  test.each([
    "",
    "[]",
    "null",
    "3",
    "{",
    '"task-x"',
    "[[]]",
    "{}",
    '{"type":"task-x"}',
    '{"type":"","timestamp":1,"hostname":"w"}',
  ])("%j", (body) => {
    expect(readEvents(message(body))).toEqual([]);
  });
  test("does not cost its neighbours in a list", () => {
    expect(readEvents(message(JSON.stringify([null, event, { ...event, timestamp: "now" }])))).toEqual([event]);
  });
  test("in pickle", () => {
    expect(readEvents(message(JSON.stringify(event), "application/x-python-serialize"))).toEqual([]);
  });
  test("of more bytes or keys than any worker sends", () => {
    expect(readEvents(message(JSON.stringify({ ...event, text: "x".repeat(4 * 1024 * 1024) })))).toEqual([]);
    const keys = Object.fromEntries(Array.from({ length: 100_001 }, (_, index) => [`k${String(index)}`, 1]));
    expect(readEvents(message(JSON.stringify({ ...event, keys })))).toEqual([]);
  });
  test("with a hostile key changes no prototype", () => {
    const [read] = readEvents(message(JSON.stringify(event).replace("{", '{"__proto__":{"x":1},')));
    expect(read?.["x"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});

test("what an event of others lacks is nought", () => {
  const bare = { type: "order-paid", timestamp: 1, hostname: "shop" };
  expect(readEvents(message(JSON.stringify(bare)))).toEqual([{ ...bare, utcoffset: 0, pid: 0, clock: 0 }]);
});

describe("utcoffset is hours west of UTC, cut downwards", () => {
  const zone = process.env["TZ"];
  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });
  const winter = Date.UTC(2026, 0, 15);
  const summer = Date.UTC(2026, 6, 15);
  // Python's `time.timezone // 3600`, and `time.altzone // 3600` in summer.
  test.each([
    ["UTC", winter, 0],
    ["Europe/Berlin", winter, -1],
    ["Europe/Berlin", summer, -2],
    ["America/New_York", winter, 5],
    ["Asia/Kolkata", winter, -6],
    ["America/St_Johns", winter, 3],
  ])("%s at %i", (name, at, hours) => {
    process.env["TZ"] = name;
    expect(utcOffset(at)).toBe(hours);
  });
});
