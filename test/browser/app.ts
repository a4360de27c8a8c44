/** The app that fills the dashboard in the browser's tests: tasks of a shop, some of which fail, retry, wait and crash. */

import { type App, createApp } from "../../src/index.ts";

export const app: App = createApp({
  name: "shop",
  broker: process.env["BROWSER_BROKER"] ?? "memory:browser",
  // From the first one on, before any sender has seen that somebody listens.
  sentEvents: true,
  tasks: () => [import("./tasks.ts")],
});
