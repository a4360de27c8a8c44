/** The renewing thread. Has a connection of its own; knows nothing of messages, only which claims are held. */

import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../clock/clock.ts";
import { releaser } from "../../heap/spare-memory.ts";
import { loadClient } from "./client.ts";
import { readHeld } from "./held-table.ts";
import { Keys } from "./keys.ts";
import { Link } from "./link.ts";
import { readLocation } from "./location.ts";
import { renewAll, retryAfter } from "./renewal.ts";
import { hrMillis, sharedState, type RenewalWork, type ToRenewal } from "./renewal-thread.ts";
import { Scripts } from "./script/script.ts";

const work = workerData as RenewalWork;
const { turns, renewed } = sharedState(work.shared);
const location = readLocation(new URL(work.url));
const scripts = new Scripts();
scripts.forServer(work.major);
const link = new Link({
  clock: systemClock,
  make: await loadClient(location, work.commandTimeout),
  timeout: work.commandTimeout,
  name: location.name,
});
link.keepLease(work.lease);
const keys = new Keys(work.keyPrefix, location);
const queues: string[] = [];
let running = false;
let retry: Disposable | undefined;

async function renew(): Promise<void> {
  if (running) return;
  const sent = hrMillis();
  const claims = readHeld(work.held, queues);
  if (claims === undefined || claims.length === 0) return;
  running = true;
  try {
    const report = await renewAll(link, scripts, keys, work.lease, claims);
    renewed[0] = sent;
    parentPort?.postMessage(report);
  } catch {
    retry?.[Symbol.dispose]();
    retry = systemClock.after(retryAfter(work.lease), () => void renew());
  } finally {
    running = false;
  }
}

/** Ms; by then it is connected. Its modules and what making them left are two thirds of its 20 MB. */
const startIsOver = 5000;

systemClock.after(startIsOver, () => {
  try {
    releaser()();
  } catch {
    // Another thread closed the door at this very moment: it keeps what it has.
  }
});

let lastTurns = Atomics.load(turns, 0);
let lastTurnAt = systemClock.monotonic();

/** Letting go is not enough: a wedged worker would hold its slots for ever, and its tasks would run beside their successors. */
function watchMainThread(): void {
  const now = systemClock.monotonic();
  const seen = Atomics.load(turns, 0);
  if (seen !== lastTurns) {
    lastTurns = seen;
    lastTurnAt = now;
    return;
  }
  if (now - lastTurnAt <= work.stallLimit) return;
  const seconds = Math.round((now - lastTurnAt) / 1000);
  writeSync(
    2,
    `celeriac: WORKER_STALLED: the main thread has not turned for ${seconds} s; this process is ended so that its tasks run elsewhere\n`,
  );
  process.kill(process.pid, "SIGKILL");
}

parentPort?.on("message", (message: ToRenewal) => {
  switch (message.kind) {
    case "queue":
      queues.push(message.queue);
      return;
    case "now":
      void renew();
      return;
    case "close":
      link.close();
  }
});
link.on(
  () => void renew(),
  () => undefined,
);
link.start();
systemClock.every(work.interval, () => void renew());
systemClock.every(Math.min(250, work.stallLimit / 4), watchMainThread);
