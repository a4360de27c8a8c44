/** The app that fills the dashboard in the browser's tests: tasks of a shop, some of which fail, retry, wait and crash. */

import { type App, createApp } from "../../src/index.ts";

export const app: App = createApp({
  name: "shop",
  broker: process.env["BROWSER_BROKER"] ?? "memory:browser",
  tasks: () => [import("./tasks.ts")],
});
