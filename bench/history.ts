/**
 * The dashboard's history: what it takes a second of one core, how large it grows, and how fast it answers. Events of a made-up cluster come in
 * through Redis, as they do in life, to a process that does nothing but listen and keep; then a dashboard is started on what was kept, and asked
 * what its pages ask, by its API and, where Chromium is, as a person does. A missed bound ends it with 1.
 *
 *   node bench/history.ts [--events 1000000] [--rate 2500] [--before 0] [--json FILE] [--no-pages]
 *
 * `--rate`: so many events a second instead of as many as it can take; 2500 are three million tasks an hour. `--before`: so many events were kept
 * by another process, as fast as it could; then the measured one goes on with that file. `--json`: the figures, into a file too.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/process.ts";
import { buildUi } from "../scripts/ui.ts";
import { type Timing, timeAnswers } from "./history-answers.ts";
import { type PageTimings, timePages } from "./history-pages.ts";
import { fillHistory } from "./history-filling.ts";
import { made, tasksPerMs } from "./made-events.ts";
import { rssOf } from "./process-cost.ts";
import { openServer } from "./server.ts";

/** Milliseconds of an answer and of a place; of the first paint; MB of either process; events a second of one core. */
const bounds = { answer: 300, firstPaint: 1_000, rss: 300, ingest: 20_000 } as const;

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    rate: { type: "string" },
    before: { type: "string", default: "0" },
    json: { type: "string" },
    "no-pages": { type: "boolean", default: false },
  },
});
const total = Number(values.events);
const rate = Number(values.rate ?? Infinity);
if (!Number.isSafeInteger(total) || total < 30_000)
  throw new Error("--events must be a whole number of at least 30000");
const before = Number(values.before);
if (!Number.isSafeInteger(before) || before < 0) throw new Error("--before must be a whole number");
if (!(rate > 0)) throw new Error("--rate must be a number");

const loadBefore = loadavg()[0];
await using server = await openServer("redis");
const folder = await mkdtemp(join(tmpdir(), "celeriac-history-"));
const path = join(folder, "history.db");
try {
  const from = Math.floor(Date.now() - (before + total) / 3 / tasksPerMs);
  const part = { url: server.address, path, stream: made(from) };
  if (before > 0) await fillHistory({ ...part, total: before, rate: Infinity });
  const { until, seconds, keeper } = await fillHistory({ ...part, total, rate });
  const asked = await askDashboard(from, until);
  const perSecond = keeper.heard / keeper.cpuSeconds;
  const keeperRss = keeper.rssPeak / 1e6;
  const timings = [...asked.answers, ...(asked.pages?.places ?? [])];
  const missed = [
    ...(keeper.missed > 0 ? [`${String(keeper.missed)} events were missed`] : []),
    ...(perSecond < bounds.ingest ? [`${perSecond.toFixed(0)} events a second, bound ${String(bounds.ingest)}`] : []),
    // It is promised for a million tasks an hour, a third of that, and what is sent faster lies in memory meanwhile.
    ...(rate > 2_500 ? [] : over("RSS of who keeps, MB", keeperRss, bounds.rss)),
    ...over("RSS of who answers, MB", asked.rssPeak, bounds.rss),
    ...timings.flatMap(({ name, worst }) => over(`${name}, ms`, worst, bounds.answer)),
    ...(asked.pages === undefined ? [] : over("first paint, ms", asked.pages.firstPaint.worst, bounds.firstPaint)),
  ];
  print(`${String(keeper.heard)} events in ${seconds.toFixed(0)} s\n`);
  print(`the file has ${String(keeper.events)}, of ${String(keeper.tasks)} tasks\n`);
  print("| what | measured | bound |\n| --- | ---: | ---: |");
  print(`| events a second of one core, the bus among it | ${perSecond.toFixed(0)} | ${String(bounds.ingest)} |`);
  print(
    `| RSS of who keeps, at most | ${keeperRss.toFixed(0)} MB | ${rate > 2_500 ? "" : `${String(bounds.rss)} MB`} |`,
  );
  print(`| RSS of who answers, at most | ${asked.rssPeak.toFixed(0)} MB | ${String(bounds.rss)} MB |`);
  print(
    `| file | ${(keeper.bytes / 1e6).toFixed(0)} MB, ${(keeper.bytes / keeper.events).toFixed(0)} bytes an event | |`,
  );
  print(`\n| question or place (bound ${String(bounds.answer)} ms) | p50 ms | worst ms |\n| --- | ---: | ---: |`);
  for (const each of timings) print(lineOf(each));
  if (asked.pages === undefined) print("\nno page was looked at: Chromium is not there, or --no-pages was said");
  else
    print(
      `\nfirst paint (bound ${String(bounds.firstPaint)} ms): p50 ${asked.pages.firstPaint.p50.toFixed(0)}, worst ${asked.pages.firstPaint.worst.toFixed(0)} ms`,
    );
  print(missed.length === 0 ? "\nevery bound is kept" : `\nmissed:\n${missed.map((text) => `- ${text}`).join("\n")}`);
  if (values.json !== undefined) {
    const machine = { cores: cpus().length, node: process.version, loadBefore, loadAfter: loadavg()[0] };
    const figures = { machine, bounds, seconds, eventsPerCpuSecond: perSecond, keeper, ...asked, missed };
    writeFileSync(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  }
  if (missed.length > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

interface Asked {
  readonly answers: readonly Timing[];
  readonly pages: PageTimings | undefined;
  /** MB. */
  readonly rssPeak: number;
}

/** Of a dashboard that is started on what was kept, as `celeriac dashboard` serves it. */
async function askDashboard(from: number, until: number): Promise<Asked> {
  const built = await buildUi(join(root, "dist", "dashboard", "ui"));
  if (built.code !== 0) throw new Error(built.text);
  const page = fork(join(import.meta.dirname, "stream-page.ts"), [server.address, path]);
  let rssPeak = 0;
  const sampling = setInterval(() => (rssPeak = Math.max(rssPeak, rssOf(page.pid ?? 0))), 100);
  try {
    const [{ url }] = (await once(page, "message")) as [{ readonly url: string }];
    const answers = await timeAnswers(url, from, until);
    const pages = values["no-pages"] ? undefined : await timePages(url, Math.floor((from + until) / 2));
    return { answers, pages, rssPeak };
  } finally {
    clearInterval(sampling);
    page.kill("SIGKILL");
  }
}

function over(name: string, value: number, bound: number): readonly string[] {
  return value <= bound ? [] : [`${name}: ${value.toFixed(0)}, bound ${String(bound)}`];
}

function lineOf({ name, p50, worst }: Timing): string {
  return `| ${name} | ${p50.toFixed(1)} | ${worst.toFixed(1)} |`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
