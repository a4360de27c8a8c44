/** One worker process of a chaos run, which writes down what it claims and has done with. Ends with code 0 after SIGTERM. */

import { app } from "./app.ts";
import { type Hold, Journal } from "./journal.ts";
import { slots } from "./room.ts";

const journal = new Journal(process.env["CHAOS_JOURNAL"] ?? "/dev/null");
const holds: Readonly<Record<string, Hold["k"]>> = {
  "task:received": "claim",
  "task:settled": "freed",
  "task:lost": "lost",
  "task:buried": "freed",
  "task:revoked": "freed",
};

const worker = await app.work({
  pool: "process",
  concurrency: slots,
  processes: 2,
  lease: Number(process.env["CHAOS_LEASE"]),
  sweep: Number(process.env["CHAOS_SWEEP"]),
  grace: "1s",
  env: ["CHAOS_JOURNAL"],
  name: `chaos@${process.env["CHAOS_NAME"] ?? "worker"}`,
  onEvent: (event) => {
    const { type, id, attempt = 1 } = event;
    const k = holds[type];
    if (k !== undefined && id !== undefined) journal.add({ k, t: Date.now(), id, attempt, worker: process.pid });
    if (type === "worker:ready") journal.add({ k: "up", t: Date.now(), worker: process.pid });
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
