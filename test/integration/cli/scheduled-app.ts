/** An app with schedules in its code, for the command line's tests. */

import { createApp, every, type App } from "../../../src/index.ts";

export const app: App = createApp({ name: "scheduled", broker: process.env["CLI_TEST_BROKER"] ?? "memory:" });

const add = app.task("math.add", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);

app.schedule("tick", every("300ms"), add.si({ x: 1, y: 2 }));
