/** A scheduler whose server goes away and comes back: it tries again, catches up, and sends nothing twice. */

import { expect, test } from "vitest";
import { createApp } from "../../src/app/app.ts";
import type { BeatEvent } from "../../src/app/beat.ts";
import { every } from "../../src/beat/every.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const period = 200;

describeWith("redis-server", "a scheduler on Redis", () => {
  test("makes up for an outage within the grace, each tick once", async () => {
    await using redis = await startRedis({ appendonly: true, config: { appendfsync: "always" } });
    await using app = createApp({ name: "outage", broker: redis.url, publishTimeout: "1s" });
    const work = app.task("work", async () => {});
    app.schedule("work", every(period), work.si());
    const events: BeatEvent[] = [];
    const beat = await app.beat({ ttl: "600ms", onEvent: (event) => void events.push(event) });
    const happens = (type: BeatEvent["type"], fits: (event: BeatEvent) => boolean = () => true): Promise<void> =>
      new Promise((resolve) => {
        const listening = beat.on(type, (event) => {
          if (!fits(event)) return;
          listening[Symbol.dispose]();
          resolve();
        });
      });
    await happens("schedule:sent");
    const away = happens("broker:disconnected");
    const back = happens("broker:connected");
    await redis.kill();
    await away;
    await redis.restart();
    await back;
    const end = Date.now();
    await happens("schedule:sent", ({ tick = 0 }) => tick > end);
    await beat.stop();

    const ticks = events.filter(({ type }) => type === "schedule:sent").map(({ tick = 0 }) => tick);
    const [first = 0] = ticks;
    expect(ticks).toEqual(ticks.map((_, index) => first + index * period));
    const queue = (await app.queues.list()).find(({ name }) => name === "celery");
    expect(queue?.ready.reduce((sum, { count }) => sum + count, 0)).toBe(ticks.length);
    expect(ticks.length).toBeGreaterThan(5);
  });
});
