/** A process that listens to all events, as a monitor does, counts those of tasks, and says how many on leaving. */

import type { SystemOptions } from "./system.ts";
import { load } from "./celeriac.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as SystemOptions;
const { app } = await load(options);
let heard = 0;
const started = process.cpuUsage();
await app.events(({ events }) => {
  for (const { type } of events) if (type === "task-succeeded") heard++;
});
process.on("message", () => {
  const { user, system } = process.cpuUsage(started);
  process.send?.({ heard, cpu: (user + system) / 1000 });
  process.disconnect();
  void app.close();
});
process.on("disconnect", () => void app.close());
process.send?.({ heard });
