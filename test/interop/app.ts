/** The app of the worker processes that tests kill; where its servers are is told by the environment. */

import { type App, createApp } from "../../src/index.ts";
import { declareTasks } from "./tasks.ts";

const { INTEROP_TS_BROKER: broker = "memory:interop", INTEROP_TS_RESULTS: results = broker } = process.env;
export const app: App = createApp({ name: "interop", broker, results });
declareTasks(app);
