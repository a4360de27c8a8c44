/** A process with many idle workers, each an app with connections of its own: `node bench/idle-workers.ts URL COUNT NAME`. */

import { createApp } from "../src/index.ts";

const [url = "", count = "0", name = ""] = process.argv.slice(2);
for (let at = 0; at < Number(count); at++) {
  const app = createApp({ name: "bench", broker: url });
  app.task("bench.noop", (_: unknown) => undefined);
  await app.work({ pool: "inline", concurrency: 1, log: "silent", name: `${name}-${String(at)}` });
}
// A thousand orderly goodbyes say nothing that is measured.
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
