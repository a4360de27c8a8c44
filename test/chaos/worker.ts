/** One worker process of a chaos run, which writes down what it claims and has done with. Ends with code 0 after SIGTERM. */

import { app } from "./app.ts";
import { type Hold, Journal } from "./journal.ts";
import { Reach } from "./reach.ts";
import { processes, slots } from "./room.ts";
import { trueTime } from "./true-time.ts";

/** Ms between two counts of what is open. */
const countEvery = 2000;

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
  processes,
  lease: Number(process.env["CHAOS_LEASE"]),
  sweep: Number(process.env["CHAOS_SWEEP"]),
  grace: "1s",
  // Its children have its clock.
  env: Object.keys(process.env).filter((name) => /^(?:CHAOS_|FAKETIME_|NO_FAKE_|LD_PRELOAD$)/.test(name)),
  name: `chaos@${process.env["CHAOS_NAME"] ?? "worker"}`,
  onEvent: (event) => {
    const { type, id, attempt = 1 } = event;
    const k = holds[type];
    if (k !== undefined && id !== undefined) journal.add({ k, t: trueTime(), id, attempt, worker: process.pid });
    if (type === "worker:ready") journal.add({ k: "up", t: trueTime(), worker: process.pid });
    if (process.env["CHAOS_VERBOSE"] && /warning|lost|returned|buried|broker/.test(event.type)) {
      process.stderr.write(`${JSON.stringify(event)}\n`);
    }
  },
});
const servers = [process.env["CHAOS_BROKER"], process.env["CHAOS_RESULTS"]];
const redis = servers.find((url) => url?.startsWith("redis:"));
const reach = new Reach({
  server: redis === undefined ? undefined : new URL(redis),
  now: trueTime,
  away: (t, until) => journal.add({ k: "away", t, until, worker: process.pid }),
});
process.stdout.write("ready\n");
if (process.env["CHAOS_HANDLES"]) {
  const count = (): void =>
    journal.add({ k: "handles", t: trueTime(), pid: process.pid, open: process.getActiveResourcesInfo().length });
  setInterval(count, countEvery).unref();
}
let stopping = false;
process.on("SIGTERM", () => {
  if (stopping) return;
  stopping = true;
  void worker
    .stop()
    .then(() => app.close())
    .then(() => {
      reach[Symbol.dispose]();
      process.exit(0);
    });
});
