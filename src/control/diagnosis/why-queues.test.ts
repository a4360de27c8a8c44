/** Why queues stand, told once for what their tasks have in common, at a price that does not grow with them. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type App, coreOf } from "../../app/app.ts";
import { createApp, type WorkerHandle } from "../../index.ts";
import { whyQueues } from "./why-queues.ts";

const never = new AbortController().signal;
let app: App;
let worker: WorkerHandle | undefined;
beforeEach(() => {
  app = createApp({ name: "shop", broker: `memory:${crypto.randomUUID()}` });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await worker?.stop({ cold: true });
  worker = undefined;
  await app.close();
});

const send = async (task: string, queue: string, count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push((await app.remote(task, { queue }).enqueue([])).id);
  return ids;
};

test("what the oldest tasks have in common is told once, with how many it holds", async () => {
  app.task("known", { queue: "served" }, () => {});
  worker = await app.work({ pool: "inline", log: "silent", queues: ["served"] });
  await app.queues.pause("held");
  await send("any", "held", 2);
  await app.queues.pause("served");
  await send("known", "served", 9);
  const mixed = await send("any", "mixed", 5);
  await app.revoke(mixed.slice(0, 2));
  const told = await whyQueues(coreOf(app), { queues: 10, each: 6 }, never);
  const of = (name: string) => {
    const found = told.find(({ queue }) => queue === name);
    return [found?.looked, found?.reasons.map(({ reason, count }) => [reason.kind, count])];
  };
  expect(of("held")).toEqual([2, [["queue-paused", 2]]]);
  expect(of("served")).toEqual([6, [["queue-paused", 6]]]);
  expect(of("mixed")).toEqual([
    5,
    [
      ["no-worker", 3],
      ["revoked", 2],
    ],
  ]);
});

test("so many queues, so many tasks of each, and the workers once", async () => {
  for (let n = 0; n < 8; n++) await send("any", `q${String(n)}`, 12);
  const { broker, bus } = await coreOf(app).connect(never);
  const browsed = vi.spyOn(broker.queues, "browse");
  const asked = vi.spyOn(bus, "publish");
  const told = await whyQueues(coreOf(app), { queues: 5, each: 10 }, never);
  expect(told.map(({ looked }) => looked)).toEqual([10, 10, 10, 10, 10]);
  expect(browsed).toHaveBeenCalledTimes(5);
  expect(asked).toHaveBeenCalledTimes(5);
});

test("where nothing waits, nobody is asked", async () => {
  const { bus } = await coreOf(app).connect(never);
  const asked = vi.spyOn(bus, "publish");
  expect(await whyQueues(coreOf(app), { queues: 5, each: 10 }, never)).toEqual([]);
  expect(asked).not.toHaveBeenCalled();
});
