/** What the schedulers of a run load: a few schedules whose ticks nobody runs; each message is counted where it arrives. */

import { createApp, every, type App } from "../../src/index.ts";
import { tickQueue } from "./workload.ts";

export const app: App = createApp({
  name: "ticks",
  broker: process.env["CHAOS_BROKER"] ?? "memory:",
  ...(process.env["CHAOS_RESULTS"] && { results: process.env["CHAOS_RESULTS"] }),
});

const tick = app.task("chaos.tick", { queue: tickQueue, ignoreResult: true }, async () => {});
for (const period of [400, 1000, 2700]) app.schedule(`every ${String(period)} ms`, every(period), tick.si());
