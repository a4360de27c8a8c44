/** What the API, the workers, the schedulers and the dashboard share: where messages go. Everything else is in the environment. */

import { createApp, every } from "celeriac";

export const app = createApp({
  name: "shop",
  broker: process.env["CELERIAC_BROKER"] ?? "sqlite:celeriac.db",
  maxDepth: 100_000,
  tasks: () => [import("./tasks.ts")],
});

app.schedule("report", every("1h"), app.signature("report.write"));
