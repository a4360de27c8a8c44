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
