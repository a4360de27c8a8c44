/** An app whose tasks are methods of Nest's providers, also in the children of a worker. */

import { createApp, type App } from "../../../src/index.ts";
import { nestTasks } from "../../../src/nest/index.ts";

export const app: App = createApp({
  name: "nest-test",
  broker: process.env["NEST_TEST_BROKER"] ?? "memory:nest-test",
  tasks: nestTasks(
    () => app,
    async () => (await import("./root.ts")).Root,
  ),
});
