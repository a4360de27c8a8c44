/**
 * The dashboard with a hundred browsers on its stream, one of which never reads, while a made-up cluster tells of three million tasks an hour: what
 * its process takes. The browsers are connections of this process, the dashboard is one of its own.
 *
 *   node bench/stream.ts [--seconds 60] [--rate 2500] [--clients 100] [--json]
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { coreOf, createApp } from "../src/app/app.ts";
import { type CeleryEvent, eventMessage } from "../src/wire/event.ts";
import { made, tasksPerMs } from "./made-events.ts";
import { cpuOf, rssOf } from "./process-cost.ts";
import { openServer } from "./server.ts";

const batch = 100;
/** Pages that are open: each has what its page needs. */
const most = ["overview", "tasks", "queues", "workers"];
const pages = [["overview", "tasks"], ["overview", "queues"], ["overview", "workers"], most];

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    rate: { type: "string", default: "2500" },
    clients: { type: "string", default: "100" },
    json: { type: "boolean", default: false },
  },
});
const [seconds, rate, clients] = [Number(values.seconds), Number(values.rate), Number(values.clients)];
if (![seconds, rate, clients].every((number) => Number.isSafeInteger(number) && number > 0))
  throw new Error("--seconds, --rate and --clients take whole numbers");

interface Browser {
  bytes: number;
  events: number;
  reset: boolean;
  ended: boolean;
}

async function browse(url: string, topics: readonly string[], lazy: boolean): Promise<Browser> {
  const browser: Browser = { bytes: 0, events: 0, reset: false, ended: false };
  const query = new URLSearchParams(topics.map((topic): [string, string] => ["topics", topic]));
  const asking = request(new URL(`api/stream?${query.toString()}`, url), { headers: { accept: "text/event-stream" } });
  asking.on("error", () => (browser.ended = true)).end();
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  if (answer.statusCode !== 200)
    throw new Error(`the stream answered ${String(answer.statusCode)}: ${String(answer.read())}`);
  // Its end is seen by the kernel; a reader that never reads learns it from an error alone.
  answer.on("error", () => (browser.ended = true)).on("close", () => (browser.ended = true));
  if (lazy) return browser;
  answer.on("data", (chunk: Buffer) => {
    browser.bytes += chunk.byteLength;
    const text = chunk.toString("latin1");
    browser.events += text.split("\ndata: ").length - 1;
    browser.reset ||= text.includes('"type":"reset"');
  });
  return browser;
}

await using server = await openServer("redis");
const folder = await mkdtemp(join(tmpdir(), "celeriac-stream-"));
const page = fork(join(import.meta.dirname, "stream-page.ts"), [server.address, join(folder, "history.db")]);
const app = createApp({ name: "bench", broker: server.address });
try {
  const [{ url }] = (await once(page, "message")) as [{ readonly url: string }];
  const { bus } = await coreOf(app).connect();
  const pid = page.pid ?? 0;
  const rssAlone = rssOf(pid);
  const lazy = await browse(url, most, true);
  const readers = await Promise.all(
    Array.from({ length: clients - 1 }, (_, index) => browse(url, pages[index % pages.length] ?? most, false)),
  );
  const started = performance.now();
  const cpu = cpuOf(pid);
  const stream = made(Date.now() - 2_000 / tasksPerMs);
  let [sent, rssPeak] = [0, 0];
  while (performance.now() - started < seconds * 1000) {
    const wanted = ((performance.now() - started) / 1000) * rate;
    while (sent < wanted) {
      const events = Array.from({ length: batch }, () => (stream.next() as IteratorYieldResult<CeleryEvent>).value);
      await bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events));
      sent += batch;
    }
    rssPeak = Math.max(rssPeak, rssOf(pid));
    await sleep(20);
  }
  const spent = (performance.now() - started) / 1000;
  const sum = (pick: (browser: Browser) => number): number => readers.reduce((all, each) => all + pick(each), 0);
  const figures = {
    seconds: spent,
    events: sent,
    rssAlone,
    rssPeak,
    cores: (cpuOf(pid) - cpu) / 1000 / spent,
    heardByEach: sum(({ events }) => events) / readers.length,
    bytesASecondByEach: sum(({ bytes }) => bytes) / readers.length / spent,
    resets: readers.filter(({ reset, ended }) => reset || ended).length,
  };
  if (figures.heardByEach < spent / 2) throw new Error("the browsers heard too little: nothing was measured");
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `${String(clients)} streams, one never read, ${String(sent)} events in ${spent.toFixed(0)} s: RSS ${rssAlone.toFixed(0)} MB alone, ${rssPeak.toFixed(0)} MB at most (bound 300), ${figures.cores.toFixed(2)} cores; ` +
          `each heard ${figures.heardByEach.toFixed(0)} events, ${(figures.bytesASecondByEach / 1000).toFixed(1)} kB a second; ${String(figures.resets)} of the readers were reset; the one that never reads was ${lazy.ended ? "dropped" : "kept, within its bound"}\n`,
  );
} finally {
  await app.close();
  page.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}
