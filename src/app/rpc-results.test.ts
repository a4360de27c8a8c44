import { describe, expect, it } from "vitest";
import type { Replies } from "../port/replies.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { Message } from "../wire/message.ts";
import { encodeTaskMeta } from "../wire/outcome.ts";
import { MemoryBackend } from "../driver/memory/backend.ts";
import { MemoryServer } from "../driver/memory/server.ts";
import { type App, createApp } from "./app.ts";
import { brokerReplies } from "./broker-replies.ts";
import { pendingWrites } from "./pending-record.ts";
import { RpcResultStore } from "./rpc-results.ts";

const metaOf = (id: string, value: unknown, status = "SUCCESS"): Uint8Array =>
  encodeTaskMeta({ id, status, result: { value }, traceback: null, dateDone: null });

const messageOf = (body: Uint8Array): Message => ({
  headers: {},
  properties: {},
  contentType: "application/json",
  contentEncoding: "utf-8",
  body,
});

/** A store, and what lets an answer come to it. */
async function opened(): Promise<{ store: RpcResultStore; come: (body: Uint8Array) => void }> {
  let take: (message: Message) => void = () => {};
  const replies: Replies = {
    listen: async (_address, taking) => {
      take = taking;
      return { close: async () => {} };
    },
    send: async () => {},
  };
  const store = new RpcResultStore({ replies, address: "asker", ttl: 60_000, clock: new VirtualClock() });
  await store.open(new AbortController().signal);
  return { store, come: (body) => take(messageOf(body)) };
}

describe("results that are sent back", () => {
  it("are not taken for waiting again where the answer was faster than the record that the task waits", async () => {
    const { store, come } = await opened();
    come(metaOf("a", 1));
    come(metaOf("b", { current: 1 }, "PROGRESS"));
    const sent = ["a", "b", "c"].map((id) => ({
      queue: "q",
      message: { ...messageOf(metaOf(id, 1)), headers: { id } },
    }));
    await store.commit(pendingWrites(sent, 1000, 0));
    expect((await store.get(["a", "b", "c"])).map((one) => one?.state)).toEqual(["SUCCESS", "PROGRESS", "PENDING"]);
    await store.close();
  });

  it("take no more memory than they may, however large they are", async () => {
    const { store, come } = await opened();
    const large = "x".repeat(8 * 1024 * 1024);
    const ids = Array.from({ length: 40 }, (_, index) => `id-${String(index)}`);
    for (const id of ids) come(metaOf(id, large));
    const kept = (await store.get(ids)).filter((one) => one !== undefined);
    expect(kept.reduce((sum, { meta }) => sum + meta.length, 0)).toBeLessThanOrEqual(256 * 1024 * 1024);
    expect(kept.at(-1)?.id).toBe("id-39");
    await store.close();
  });

  it("leave nothing on the queue of an asker that has gone", async () => {
    const clock = new VirtualClock();
    const options = { url: new URL("memory:"), clock, maxMessageBytes: 1 << 20, maxDepth: 0, commandTimeout: 1000 };
    const backend = new MemoryBackend(new MemoryServer(clock), { ...options, allowEviction: false, keyPrefix: "" });
    await backend.open(new AbortController().signal);
    const replies = brokerReplies(backend.broker);
    const came: Message[] = [];
    const listening = await replies.listen("asker", (message) => came.push(message));
    const many = Array.from({ length: 250 }, () => ({ to: "asker", message: messageOf(metaOf("a", 1)) }));
    await replies.send(many, new AbortController().signal);
    await listening.close();
    const states = await backend.broker.queues.list();
    expect(states.flatMap(({ ready }) => ready)).toEqual([]);
    await backend.close();
  });

  it("come from what was linked to the task as well", async () => {
    const broker = `memory:${crypto.randomUUID()}`;
    await using app: App = createApp({ broker, results: "rpc://" });
    const add = app.task("t.add", { positional: ["a", "b"] }, ({ a, b }: { a: number; b: number }) => a + b);
    await using asker: App = createApp({ broker, results: "rpc://" });
    await using _worker = await app.work({ pool: "inline" });
    const last = add.s({ b: 100 } as never).set({ id: "last" });
    const next = add.s({ b: 10 } as never).set({ id: "next" });
    await asker
      .remote<(a: number, b: number) => number>("t.add")
      .enqueue([1, 2], { link: next.link(last as never) as never });
    expect(await asker.result<number>("next").get({ timeout: "60s" })).toBe(13);
    expect(await asker.result<number>("last").get({ timeout: "60s" })).toBe(113);
  });
});
