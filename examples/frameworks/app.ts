/** The app: the same for the five servers and for the worker. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "frameworks",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  tasks: () => [import("./tasks.ts")],
});
