/** The one place that knows where messages and results go. */

import { createApp, type App } from "celeriac";

const results = process.env["CELERIAC_RESULTS"];

export const app: App = createApp({
  name: "mixed",
  broker: process.env["CELERIAC_BROKER"] ?? "redis://127.0.0.1:6379/0",
  ...(results !== undefined && { results }),
  defaultQueue: "example-typescript",
  tasks: () => [import("./tasks.ts")],
});
