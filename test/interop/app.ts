/** The app of the worker processes that tests kill; where its servers are is told by the environment. */

import { type App, createApp } from "../../src/index.ts";
import { declareTasks } from "./tasks.ts";

const results = process.env["INTEROP_TS_RESULTS"];
export const app: App = createApp({
  name: "interop",
  broker: process.env["INTEROP_TS_BROKER"] ?? "memory:interop",
  ...(results !== undefined && results !== "" && { results }),
});
declareTasks(app);
