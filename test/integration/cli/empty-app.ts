/** An app without tasks: no worker may start with it. */

import { createApp, type App } from "../../../src/index.ts";

export const nothing: App = createApp({ name: "empty", broker: process.env["CLI_TEST_BROKER"] ?? "memory:" });
