/** The one place that knows where messages go: `celeriac worker -A app.ts -Q training -c 1`. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "training",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  defaultQueue: "training",
  tasks: () => [import("./tasks.ts")],
});
