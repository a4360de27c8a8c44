/** The size of a real inline pool under loads that a test makes up. */

import { afterEach, expect, test } from "vitest";
import { type App, createApp, type WorkerHandle } from "../index.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";

let count = 0;
let app: App | undefined;
let time: VirtualClock | undefined;
afterEach(async () => {
  const closing = app?.close();
  await time?.advance(60_000);
  await closing;
});

async function stage(): Promise<{
  clock: VirtualClock;
  worker: WorkerHandle;
  send: (count: number) => Promise<void>;
  end: (count: number) => Promise<void>;
  after: (ms: number) => Promise<number>;
}> {
  const clock = new VirtualClock();
  time = clock;
  const waiting: (() => void)[] = [];
  const made = createApp({ name: "scaled", broker: `memory:autoscaler-${String(++count)}`, clock });
  app = made;
  const hold = made.task("hold", () => new Promise<void>((resolve) => waiting.push(resolve)));
  const worker = await made.work({ pool: "inline", autoscale: { max: 10, min: 2 } });
  return {
    clock,
    worker,
    send: async (more) => {
      await hold.enqueueMany(Array.from({ length: more }, () => undefined) as never);
      await clock.advance(1);
    },
    end: async (ended) => {
      for (let left = ended; left > 0;) {
        const some = waiting.splice(0, left);
        for (const resolve of some) resolve();
        left -= some.length;
        await clock.advance(1);
      }
    },
    after: async (ms) => {
      await clock.advance(ms);
      return worker.stats().concurrency;
    },
  };
}

test("grows while more waits than runs, up to its bound, and shrinks to what was needed when that is over", async () => {
  const { worker, send, end, after } = await stage();
  expect(worker.stats().concurrency).toBe(2);
  expect(await after(5000)).toBe(2);
  await send(2);
  // All slots are taken, and nothing waits: there is no reason to grow.
  expect(await after(5000)).toBe(2);
  await send(30);
  expect(await after(1000)).toBe(4);
  expect(await after(1000)).toBe(8);
  expect(await after(5000)).toBe(10);
  await end(32);
  await send(3);
  expect(await after(20_000)).toBe(10);
  expect(await after(20_000)).toBe(3);
  await end(3);
  expect(await after(40_000)).toBe(2);
});

test("checks its bounds", async () => {
  time = undefined;
  app = createApp({ name: "scaled", broker: `memory:autoscaler-${String(++count)}` });
  app.task("nothing", () => {});
  await expect(app.work({ pool: "inline", autoscale: { max: 2, min: 3 } })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
  });
});
