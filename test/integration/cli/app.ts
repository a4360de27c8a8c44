/** The app that the command line's tests name with -A: a TypeScript file that is run as it is. */

import { createApp, type App } from "../../../src/index.ts";

export const app: App = createApp({
  name: "cli-test",
  broker: process.env["CLI_TEST_BROKER"] ?? "memory:",
  tasks: () => [import("./tasks.ts")],
});
