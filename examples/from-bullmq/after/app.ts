/** One place that knows which Redis, for both sides. */

import { createApp, type App } from "celeriac";

export const app: App = createApp({
  name: "shop",
  broker: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379/0",
  defaultQueue: "invoices",
  tasks: () => [import("./tasks.ts")],
});
