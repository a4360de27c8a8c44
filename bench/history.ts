/**
 * The dashboard's history: what it takes a second of one core, how large it grows, and how fast it answers. Events of a made-up cluster
 * come in through Redis, as they do in life; the measured process does nothing but listen and keep.
 *
 *   node bench/history.ts [--events 1000000] [--rate 2500] [--json]
 *
 * `--rate`: so many events a second instead of as many as it can take; 2500 are a million tasks an hour.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { createApp, coreOf } from "../src/app/app.ts";
import { type CeleryEvent, eventMessage } from "../src/wire/event.ts";
import type { FromKeeper, ToKeeper } from "./history-keeper.ts";
import { made, tasksPerMs } from "./made-events.ts";
import { openServer } from "./server.ts";

/** Events on the way at most; a cluster would not wait, and Redis would hang up on who reads too slowly. */
const mostUnderway = 40_000;
/** Of one message, as a busy worker batches. */
const batch = 100;
const { values } = parseArgs({
  options: { events: { type: "string", default: "1000000" }, rate: { type: "string" }, json: { type: "boolean" } },
});
const total = Number(values.events);
const rate = Number(values.rate ?? Infinity);
if (!Number.isSafeInteger(total) || total < 1_000) throw new Error("--events must be a whole number of at least 1000");

await using server = await openServer("redis");
const folder = await mkdtemp(join(tmpdir(), "celeriac-history-"));
const keeper = fork(join(import.meta.dirname, "history-keeper.ts"));
keeper.once("exit", (code) => {
  if (code !== null) throw new Error(`the listening process ended with ${String(code)}`);
});
const app = createApp({ name: "bench", broker: server.address });
try {
  const { bus } = await coreOf(app).connect();
  const ask = (message: ToKeeper): void => void keeper.send(message);
  let heard = 0;
  let wake: (() => void) | undefined;
  keeper.on("message", (message: FromKeeper) => {
    if (message.kind === "heard") heard = message.events;
    wake?.();
  });
  const turn = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    await promise;
  };
  const listening = once(keeper, "message");
  ask({ kind: "open", url: server.address, path: join(folder, "history.db") });
  await listening;

  const span = total / 3 / tasksPerMs;
  const from = Date.now() - span;
  const stream = made(from);
  const started = performance.now();
  let sent = 0;
  let last = from;
  const underway = (): number => sent - heard;
  const tooFar = (): boolean => underway() > mostUnderway || sent > ((performance.now() - started) / 1000) * rate;
  while (sent < total) {
    const events: CeleryEvent[] = [];
    for (let index = 0; index < batch; index++) {
      const { value } = stream.next() as IteratorYieldResult<CeleryEvent>;
      events.push(value);
      last = Math.max(last, value.timestamp * 1000);
    }
    await bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events));
    sent += batch;
    while (tooFar()) await turn();
    if (!values.json && sent % 500_000 < batch) process.stderr.write(`${String(sent)} of ${String(total)}\n`);
  }
  while (underway() > 0) await turn();
  const seconds = (performance.now() - started) / 1000;
  const answered = new Promise<FromKeeper & { readonly kind: "answers" }>((resolve) => {
    keeper.on("message", (message: FromKeeper) => message.kind === "answers" && resolve(message));
  });
  ask({ kind: "ask", from, until: Math.ceil(last) });
  const { answers, keeper: kept } = await answered;
  if (values.json) process.stdout.write(`${JSON.stringify({ seconds, kept, answers })}\n`);
  else {
    const perSecond = Math.round(kept.events / kept.cpuSeconds);
    const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
    print(`${kept.events} events, ${kept.tasks} tasks, ${kept.missed} missed, in ${seconds.toFixed(0)} s`);
    print(
      `${perSecond} events a second of one core, the bus among it; ${(kept.bytes / kept.events).toFixed(0)} bytes an event, ${mb(kept.bytes)}; RSS at most ${mb(kept.rssPeak)}`,
    );
    print("\n| question | p50 ms | max ms | rows |\n| --- | ---: | ---: | ---: |");
    for (const { name, p50, max, rows } of answers)
      print(`| ${name} | ${p50.toFixed(1)} | ${max.toFixed(1)} | ${String(rows)} |`);
  }
} finally {
  await app.close();
  keeper.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
