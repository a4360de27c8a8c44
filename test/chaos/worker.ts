/** One worker process of a chaos run. Ends with code 0 after SIGTERM. */

import { app } from "./app.ts";

const worker = await app.work({
  pool: "process",
  concurrency: 4,
  processes: 2,
  lease: Number(process.env["CHAOS_LEASE"]),
  sweep: Number(process.env["CHAOS_SWEEP"]),
  grace: "1s",
  env: ["CHAOS_JOURNAL"],
  name: `chaos@${process.env["CHAOS_NAME"] ?? "worker"}`,
  onEvent: (event) => {
    if (process.env["CHAOS_VERBOSE"] && /warning|lost|returned|buried|broker/.test(event.type)) {
      process.stderr.write(`${JSON.stringify(event)}\n`);
    }
  },
});
process.stdout.write("ready\n");
let stopping = false;
process.on("SIGTERM", () => {
  if (stopping) return;
  stopping = true;
  void worker
    .stop()
    .then(() => app.close())
    .then(() => process.exit(0));
});
