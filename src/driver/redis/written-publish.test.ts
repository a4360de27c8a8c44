/** Large messages leave as bytes in rooms that are used again: each arrives whole and as itself, however slow the line is and whatever became of the one before. */

import { expect, it } from "vitest";
import { eventually, openBackend } from "../../../test/server/redis-backend.ts";
import { startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { startProxy } from "../../../test/server/tcp-proxy.ts";
import type { Channel } from "../../port/bus.ts";
import type { Message } from "../../wire/message.ts";

const channel: Channel = { kind: "event", type: "task.multi" };
/** Below and above what is written as bytes, and above a room. */
const sizes = [10, 4_095, 4_096, 40_000, 65_536, 65_537, 200_000];

function messageOf(index: number, size: number): Message {
  const body = Buffer.alloc(size, `${String(index)},`);
  return {
    headers: { hostname: "ẅ@h" },
    properties: {},
    contentType: "application/json",
    contentEncoding: "utf-8",
    body,
  };
}
const digest = (body: Uint8Array): string => `${String(body.byteLength)} ${Buffer.from(body).toString("latin1", 0, 6)}`;
function isWhole(body: Uint8Array): boolean {
  const start = Buffer.from(body).toString("latin1", 0, 10).split(",")[0] ?? "";
  return Buffer.alloc(body.byteLength, `${start},`).equals(Buffer.from(body));
}

interface Told {
  /** On the line between the teller and the server. */
  readonly proxy: Awaited<ReturnType<typeof startProxy>>;
  readonly teller: Awaited<ReturnType<typeof openBackend>>;
  readonly heard: readonly Message[];
}

/** One that tells through a line of its own, and one that hears all of it. */
async function withListener(use: (told: Told) => Promise<void>): Promise<void> {
  await using redis = await startRedis();
  const proxy = await startProxy(redis.port);
  const [teller, listener] = [await openBackend(`redis://127.0.0.1:${proxy.port}`), await openBackend(redis.url)];
  try {
    const heard: Message[] = [];
    const listening = await listener.bus.listen(
      channel,
      (_, message) => void heard.push(message),
      () => {},
    );
    await use({ proxy, teller, heard });
    await listening.close();
  } finally {
    await Promise.all([teller.close(), listener.close()]);
    await proxy.close();
  }
}

describeWith("redis-server", "large messages of the bus", () => {
  it("arrive whole, many under way at once on a slow line", async () => {
    await withListener(async ({ proxy, teller, heard }) => {
      const sent = Array.from({ length: 70 }, (_, index) => messageOf(index, sizes[index % sizes.length] ?? 0));
      proxy.slow(20_000_000);
      for (let from = 0; from < sent.length; from += 35)
        await Promise.all(sent.slice(from, from + 35).map((message) => teller.bus.publish(channel, message)));
      await eventually("all of them", () => heard.length >= sent.length);
      expect(heard.map(({ body }) => digest(body))).toEqual(sent.map(({ body }) => digest(body)));
      expect(heard.filter(({ body }) => !isWhole(body))).toEqual([]);
      expect(heard.every(({ headers }) => headers["hostname"] === "ẅ@h")).toBe(true);
    });
  });

  it("tell how many heard them, which is what an audience is", async () => {
    await using redis = await startRedis();
    const backend = await openBackend(redis.url);
    try {
      await backend.bus.publish(channel, messageOf(1, 50_000));
      expect(backend.bus.audience(channel)).toBe(false);
      const listening = await backend.bus.listen(
        channel,
        () => {},
        () => {},
      );
      await backend.bus.publish(channel, messageOf(2, 50_000));
      expect(backend.bus.audience(channel)).toBe(true);
      await listening.close();
    } finally {
      await backend.close();
    }
  });

  it("are lost with a line that breaks, and the next arrive as themselves", async () => {
    await withListener(async ({ proxy, teller, heard }) => {
      for (let round = 0; round < 3; round++) {
        proxy.truncate(50_000);
        await Promise.all([0, 1, 2].map((index) => teller.bus.publish(channel, messageOf(index, 60_000))));
        // A link that is down loses what is published, so the next is told until it is heard.
        const before = heard.length;
        await eventually("one that is heard", async () => {
          await teller.bus.publish(channel, messageOf(100 + round, 60_000));
          return heard.length > before;
        });
      }
      expect(heard.filter(({ body }) => body.byteLength !== 60_000 || !isWhole(body))).toEqual([]);
      expect(heard.map(({ body }) => digest(body))).toContain("60000 100,10");
    });
  });
});
