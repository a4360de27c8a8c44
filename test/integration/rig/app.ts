/** The app of the tests that kill, stop and starve workers. Only its tasks matter; where they write is told by their input. */

import { type App, createApp } from "../../../src/index.ts";

export const app: App = createApp({
  name: "rig",
  broker: process.env["RIG_BROKER"] ?? "memory:rig",
  ...(process.env["RIG_RESULTS"] && { results: process.env["RIG_RESULTS"] }),
  tasks: () => [import("./tasks.ts")],
});
