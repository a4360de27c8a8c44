/** The one place that knows where messages go. The API imports it to send, the workers to run: `celeriac worker -A app.ts -c 1`. */

import { createApp, type App } from "celeriac";

/** One queue for each kind of hardware: whoever has the GPU takes from here. */
export const queue = "gpu";

export const app: App = createApp({
  name: "images",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  defaultQueue: queue,
  // A line that nobody would wait in is refused at its door: the API answers 503 and says when to come again.
  maxDepth: 100,
  tasks: () => [import("./tasks.ts")],
});
