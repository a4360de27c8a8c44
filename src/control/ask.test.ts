/** Who answers is heard, and the end comes: by silence, by enough, by the signal. On the memory driver, in virtual time. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryBackend } from "../driver/memory/backend.ts";
import { MemoryServer } from "../driver/memory/server.ts";
import type { Message } from "../wire/message.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { ask, type Question } from "./ask.ts";

const never = new AbortController().signal;

interface Asked {
  readonly method: string;
  readonly arguments: unknown;
  readonly destination: readonly string[] | null;
  readonly ticket: string;
  readonly reply_to: { readonly routing_key: string };
}

let clock: VirtualClock;
let backend: MemoryBackend;
beforeEach(async () => {
  clock = new VirtualClock();
  const options = { maxMessageBytes: 1e6, maxDepth: 0, commandTimeout: 1000, allowEviction: false, keyPrefix: "" };
  backend = new MemoryBackend(new MemoryServer(clock), { url: new URL("memory:"), clock, ...options });
  await backend.open(never);
});
afterEach(() => backend.close());

/** A worker that answers each question after `delay` ms of its own. */
async function node(name: string, delay: number, payload: unknown = "here"): Promise<Asked[]> {
  const heard: Asked[] = [];
  await backend.bus.listen(
    { kind: "control", namespace: "celery" },
    (_channel, message) => {
      const asked = JSON.parse(Buffer.from(message.body).toString()) as Asked;
      heard.push(asked);
      clock.after(delay, () => void say(asked, name, payload));
    },
    () => {},
  );
  return heard;
}
function say(asked: Asked, name: string, payload: unknown, ticket = asked.ticket): Promise<void> {
  const message: Message = {
    headers: { ticket, clock: 1 },
    properties: {},
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(JSON.stringify({ [name]: payload })),
  };
  return backend.bus.publish({ kind: "reply", to: asked.reply_to.routing_key }, message);
}
/** Asks, and lets `ms` pass; "asking" if that was not the end of it. */
async function within(question: Question, ms: number): Promise<unknown> {
  const asking = ask(backend.bus, question, clock, never).then((answers) => Object.fromEntries(answers));
  asking.catch(() => {});
  await clock.advance(ms);
  return Promise.race([asking, Promise.resolve("asking")]);
}

describe("ask", () => {
  test("hears everyone, and counts the silence from the last who answered", async () => {
    const heard = await node("a@x", 800);
    await node("b@x", 1500);
    await node("c@x", 3000);
    const question = { method: "registered", arguments: { taskinfoitems: [] }, timeout: 1000 };
    expect(await within(question, 2499)).toBe("asking");
    expect(await within(question, 2501)).toEqual({ "a@x": "here", "b@x": "here" });
    expect(heard[0]).toMatchObject({ method: "registered", arguments: { taskinfoitems: [] }, destination: null });
  });

  test("ends empty when nobody is there", async () => {
    expect(await within({ method: "ping", timeout: 1000 }, 999)).toBe("asking");
    expect(await within({ method: "ping", timeout: 1000 }, 1000)).toEqual({});
  });

  test("waits for no more than those it asked, or the limit", async () => {
    await node("a@x", 10);
    await node("b@x", 20);
    expect(await within({ method: "ping", destination: ["a@x"], timeout: 60_000 }, 10)).toEqual({ "a@x": "here" });
    expect(await within({ method: "ping", limit: 2, timeout: 60_000 }, 20)).toEqual({ "a@x": "here", "b@x": "here" });
  });

  test("takes no answer to another question, and nobody prolongs it by repeating himself", async () => {
    const heard = await node("a@x", 100);
    const asking = within({ method: "ping", timeout: 1000 }, 1150);
    clock.after(50, () => void say(heard[0] as Asked, "stray@x", "late", "an older ticket"));
    using _babble = clock.every(300, () => void say(heard[0] as Asked, "a@x", "again"));
    expect(await asking).toEqual({ "a@x": "again" });
  });

  test("ends with the signal, and leaves no inbox", async () => {
    const heard = await node("a@x", 60_000);
    const given = new AbortController();
    const asking = ask(backend.bus, { method: "ping", timeout: 100_000 }, clock, given.signal);
    await clock.advance(5);
    given.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    expect(backend.bus.audience({ kind: "reply", to: heard[0]?.reply_to.routing_key ?? "" })).toBe(false);
  });
});

test("the wait has an end in all, however many go on answering, and gives what was said by then", async () => {
  for (let n = 0; n < 20; n++) await node(`w${String(n)}`, 150 * n);
  const answers = await within({ method: "ping", timeout: 200, inAll: 1_000 }, 1_001);
  expect(Object.keys(answers as object)).toHaveLength(7);
  expect(await within({ method: "ping", timeout: 200 }, 1_001)).toBe("asking");
});
