/** Packed messages: what is packed and how, and that a worker reads it all the same, retries and follow-ups included. */

import { brotliDecompressSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, type AppOptions, createApp, type WorkerHandle } from "../index.ts";
import type { Compression } from "../wire/compression.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import type { Message } from "../wire/message.ts";
import { coreOf } from "./app.ts";

const long = "all work and no play ".repeat(2000);
const noise = (bytes: number): string => crypto.getRandomValues(Buffer.alloc(bytes)).toString("base64");

describe("compression", () => {
  const apps: App[] = [];
  let worker: WorkerHandle | undefined;
  const make = (options: AppOptions = {}): App => {
    const app = createApp({ broker: "memory:", ...options });
    apps.push(app);
    return app;
  };
  beforeEach(() => {
    worker = undefined;
  });
  afterEach(async () => {
    await worker?.stop();
    for (const app of apps.splice(0)) await app.close();
  });
  const waiting = async (app: App): Promise<Message[]> => {
    const { broker } = await coreOf(app).connect();
    const { items } = await broker.queues.browse("celery", "ready", undefined, 100);
    return items.map(({ raw }) => {
      const message = decodeEnvelope(raw);
      if ("malformed" in message) throw new Error(message.reason);
      return message;
    });
  };

  it.each([
    ["zlib", "application/x-gzip", inflateSync],
    ["brotli", "application/x-brotli", brotliDecompressSync],
    ["zstd", "application/zstd", zstdDecompressSync],
  ] as const)("by %s bears kombu's %s", async (compression: Compression, contentType, unpack) => {
    const app = make({ compression });
    const task = app.task("t.count", { positional: ["text"] }, ({ text }: { text: string }) => text.length);
    const sent = await task.delay({ text: long });
    const [message] = await waiting(app);
    expect(message?.headers["compression"]).toBe(contentType);
    expect(message).toMatchObject({ contentType: "application/json", contentEncoding: "utf-8" });
    expect(message?.body.byteLength).toBeLessThan(1000);
    expect(JSON.parse(unpack(message?.body ?? Buffer.alloc(0)).toString())).toEqual([[long], {}, {}]);
    worker = await app.work({ pool: "inline" });
    expect(await sent.get({ timeout: "60s" })).toBe(long.length);
  });

  it("is for what is large and gets smaller, unless the call says otherwise", async () => {
    const app = make({ compression: "zlib" });
    const task = app.task("t.take", (_: string) => {});
    const marks = async (text: string, options = {}): Promise<unknown> => {
      const id = crypto.randomUUID();
      await task.enqueue(text, { id, ...options });
      return (await waiting(app)).find(({ headers }) => headers["id"] === id)?.headers["compression"];
    };
    expect(await marks("small")).toBeUndefined();
    expect(await marks("x".repeat(10_240))).toBe("application/x-gzip");
    expect(await marks(noise(20_000))).toBeUndefined();
    expect(await marks("small", { compression: "zstd" })).toBe("application/zstd");
    expect(await marks(long, { compression: false })).toBeUndefined();
    const low = make({ compression: "zlib", compressOver: 100 });
    await low.task("t.low", (_: string) => {}).delay("x".repeat(200));
    expect((await waiting(low))[0]?.headers["compression"]).toBe("application/x-gzip");
  });

  it("is off by default", async () => {
    const app = make();
    await app.task("t.plain", (_: string) => {}).delay(long);
    expect((await waiting(app))[0]?.headers).not.toHaveProperty("compression");
  });

  it("stays on a retry, and is on what a worker sends", async () => {
    const app = make({ compression: "zlib" });
    const next = app.task("t.next", (text: string) => text.length);
    const flaky = app.task("t.flaky", { retry: { limit: 1, delay: "1ms" } }, (text: string, ctx) => {
      if (ctx.attempt === 1) throw new Error("not yet");
      return text;
    });
    const inner = app.task("t.outer", async (text: string) => await (await next.delay(text)).get({ timeout: "60s" }));
    worker = await app.work({ pool: "inline", concurrency: 4 });
    const link = next.s();
    const sent = await flaky.enqueue(long, { link });
    expect(await sent.get({ timeout: "60s" })).toBe(long);
    expect(await (await inner.delay(long)).get({ timeout: "60s" })).toBe(long.length);
  });

  it("refuses names that are not Celery's, and limits that are no size", async () => {
    for (const options of [{ compression: "bzip2" }, { compressOver: -1 }] as unknown as AppOptions[])
      expect(() => createApp(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    const task = make().task("t.refused", (_: string) => {});
    await expect(task.enqueue("x", { compression: "lzma" as "zlib" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  it("hides no call that is too large for its worker", async () => {
    const app = make({ compression: "zlib", maxMessageBytes: 20_000 });
    await expect(app.task("t.large", (_: string) => {}).delay(long)).rejects.toMatchObject({
      code: "MESSAGE_TOO_LARGE",
    });
  });
});
