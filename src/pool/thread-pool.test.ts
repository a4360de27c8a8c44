import { freeze } from "../task/registry.ts";
import { poolConformance } from "../testing/conformance/pool.ts";
import { app as fixture } from "./fixtures/app.ts";
import { createThreadPool } from "./thread-pool.ts";

poolConformance("thread", {
  contains: "thread",
  async make({ app, env = [], ...settings }) {
    const { tasks } = await fixture[freeze]();
    const url = app ?? new URL("fixtures/app.ts", import.meta.url).href;
    return createThreadPool({ ...settings, app: { url, export: "app" }, env, expectedTasks: tasks });
  },
});
