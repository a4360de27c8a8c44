import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { createApp } from "../index.ts";

it("gives the event loop its turns while it works off a backlog", async () => {
  await using app = createApp({ name: "flow", broker: "memory:flow-turns" });
  const noop = app.task("flow.noop", (n: number) => n);
  const count = 8000;
  await noop.enqueueMany(Array.from({ length: count }, (_, n) => n));
  await using worker = await app.work({ pool: "inline", concurrency: 10 });
  let most = 0;
  for (let before = 0; worker.stats().succeeded < count;) {
    await turn();
    const { succeeded } = worker.stats();
    most = Math.max(most, succeeded - before);
    before = succeeded;
  }
  expect(most).toBeLessThan(count / 2);
});

it("tells of a task when it is claimed, before it starts and after it has ended", async () => {
  await using app = createApp({ name: "flow", broker: "memory:flow-told" });
  const echo = app.task("flow.echo", (n: number) => n);
  const told: { readonly type: string; readonly id?: string; readonly attempt?: number; readonly task?: string }[] = [];
  await using _worker = await app.work({ pool: "inline", onEvent: (event) => void told.push(event) });
  const { id } = await echo.delay(1);
  await expect.poll(() => told.filter((event) => event.id === id).map(({ type }) => type)).toHaveLength(4);
  expect(told.filter((event) => event.id === id).map(({ type }) => type)).toEqual([
    "task:received",
    "task:started",
    "task:succeeded",
    "task:settled",
  ]);
  expect(told.find(({ type }) => type === "task:received")).toMatchObject({ task: "flow.echo", attempt: 1 });
});
