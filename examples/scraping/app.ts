/** The one place that knows where messages go: `celeriac worker -A app.ts`. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "scraping",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  tasks: () => [import("./tasks.ts")],
});
