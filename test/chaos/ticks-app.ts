/** What the schedulers of a run load: a few schedules whose ticks nobody runs; each message is counted where it arrives. */

import { createApp, every, type App } from "../../src/index.ts";
import { tickQueue } from "./workload.ts";

export const app: App = createApp({
  name: "ticks",
  broker: process.env["CHAOS_BROKER"] ?? "memory:",
  ...(process.env["CHAOS_RESULTS"] && { results: process.env["CHAOS_RESULTS"] }),
});

const tick = app.task("chaos.tick", { queue: tickQueue, ignoreResult: true }, async () => {});
/** Shorter than it takes to replace a leader, so that some are missed in every run. */
const grace = "1s";
app.schedule("skip what was missed", every("700ms"), tick.si(), { grace, misfire: "skip" });
app.schedule("make up for it once", every("800ms"), tick.si(), { grace, misfire: "once" });
app.schedule("make up for three", every("900ms"), tick.si(), { grace, misfire: "all", limit: 3 });
for (const period of [400, 1000, 2700]) app.schedule(`every ${String(period)} ms`, every(period), tick.si());
