/** A process with many idle workers, each an app with connections of its own: `node bench/idle-workers.ts URL COUNT NAME`. */

import { createApp } from "celeriac";

const [url = "", count = "0", name = ""] = process.argv.slice(2);
/** A start is round trips more than work, so some go at once; more of them would wait for this process so long that they give up. */
const together = 5;

async function start(at: number): Promise<void> {
  const app = createApp({ name: "bench", broker: url, publishTimeout: "60s" });
  app.task("bench.noop", (_: unknown) => undefined);
  await app.work({ pool: "inline", concurrency: 1, log: "silent", name: `${name}-${String(at)}` });
}
for (let from = 0; from < Number(count); from += together) {
  const some = Math.min(together, Number(count) - from);
  await Promise.all(Array.from({ length: some }, (_, at) => start(from + at)));
  process.send?.({ started: from + some });
}
// A thousand orderly goodbyes say nothing that is measured.
process.on("disconnect", () => process.exit(0));
