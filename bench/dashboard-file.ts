/**
 * A process that fills a history's file with a made-up cluster's past until it is as large as it may be and the first has been forgotten:
 * `node dashboard-file.ts FILE BYTES`. Tells the first and the last moment of what is kept.
 */

import { systemClock } from "../src/clock/clock.ts";
import { History } from "../src/dashboard/history/history.ts";
import type { CeleryEvent } from "../src/wire/event.ts";
import { made, tasksPerMs } from "./made-events.ts";

/** A little less than an event takes of the file, bytes: so its end is reached before the present is. */
const least = 190;
const batch = 1_000;

const [path = "", bytes = ""] = process.argv.slice(2);
const maxBytes = Number(bytes);
if (path === "" || !(maxBytes > 0)) throw new Error("usage: node dashboard-file.ts FILE BYTES");
// For as long as it is full of the last seven days' events, size alone decides what goes.
const history = new History({ path, clock: systemClock, maxBytes, warn: ({ text }) => console.error(text) });
const from = Date.now() - maxBytes / least / 3 / tasksPerMs;
const stream = made(from);
let until = from;
let [told, lastSince] = [0, history.facts().since];
for (;;) {
  const events = Array.from({ length: batch }, () => (stream.next() as IteratorYieldResult<CeleryEvent>).value);
  until = Math.max(until, ...events.map(({ timestamp }) => timestamp * 1000));
  history.ingest({ events, missed: 0 });
  told += batch;
  if (told % 20_000 !== 0) continue;
  // It forgets where it is over its bound, which a timer asks of it in life.
  history.sweep();
  const { since } = history.facts();
  if (lastSince !== undefined && since !== undefined && since > lastSince) break;
  lastSince = since;
  if (told % 500_000 === 0) process.stderr.write(`${String(told)} events, ${String(history.facts().bytes)} bytes\n`);
}
const { since = from } = history.facts();
history.close();
process.send?.({ from: since, until: Math.ceil(until), events: told });
process.disconnect?.();
