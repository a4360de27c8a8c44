/** The one place that knows where messages go: `celeriac worker -A app.ts -Q video`. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "video",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  defaultQueue: "video",
  tasks: () => [import("./tasks.ts")],
});
