/** What the schedulers of a beat run load: one schedule, of a task that nobody runs. */

import { createApp, every, type App } from "../../src/index.ts";

export const app: App = createApp({ name: "beats", broker: process.env["BEAT_BROKER"] ?? "memory:" });

/** Milliseconds. */
export const period = 200;
const work = app.task("work", async () => {});
app.schedule("work", every(period), work.si());
