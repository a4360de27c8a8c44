/** The one place that knows where messages go. The API imports it to send, the workers to run: `celeriac worker -A examples/media/app.ts`. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "media",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  tasks: () => [import("./tasks.ts")],
});
