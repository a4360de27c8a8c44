/** The measured process of `history.ts`: listens on the bus as a dashboard does, keeps a history on its thread, and times its answers. */

import { performance } from "node:perf_hooks";
import { createApp } from "../src/app/app.ts";
import { systemClock } from "../src/clock/clock.ts";
import type { TaskQuery } from "../src/dashboard/contract.ts";
import { HistoryLink } from "../src/dashboard/history/history-link.ts";
import { percentile } from "./statistics.ts";

export type ToKeeper =
  | { readonly kind: "open"; readonly url: string; readonly path: string }
  | { readonly kind: "ask"; readonly from: number; readonly until: number };
export type FromKeeper =
  | { readonly kind: "listening" }
  | { readonly kind: "heard"; readonly events: number }
  | { readonly kind: "answers"; readonly answers: readonly Answer[]; readonly keeper: Keeper };
export interface Answer {
  readonly name: string;
  readonly p50: number;
  readonly max: number;
  readonly rows: number;
}
export interface Keeper {
  readonly events: number;
  readonly missed: number;
  readonly tasks: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
  readonly rssPeak: number;
}

const tell = (message: FromKeeper): void => void process.send?.(message);
const repeats = 7;
let history: HistoryLink;
let cpu: NodeJS.CpuUsage;
let heard = 0;
let missed = 0;
let rssPeak = 0;

process.on("message", (message: ToKeeper) => {
  if (message.kind === "open") void open(message);
  else void ask(message);
});

async function ask({ from, until }: ToKeeper & { readonly kind: "ask" }): Promise<void> {
  const { tasks, bytes, events } = await history.facts(); // all that came is written then
  const { user, system } = process.cpuUsage(cpu);
  const keeper = { events, missed, tasks, bytes, cpuSeconds: (user + system) / 1e6, rssPeak };
  tell({ kind: "answers", answers: await answers(from, until), keeper });
}

async function open({ url, path }: { readonly url: string; readonly path: string }): Promise<void> {
  const warn = ({ text }: { readonly text: string }): void => console.error(text);
  history = await HistoryLink.open({ path, clock: systemClock, maxBytes: 16 * 1024 ** 3, warn });
  const app = createApp({ name: "bench", broker: url });
  systemClock.every(100, () => {
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
  });
  await app.events((batch) => {
    history.ingest(batch);
    heard += batch.events.length;
    missed += batch.missed ?? 1;
  });
  systemClock.every(10, () => tell({ kind: "heard", events: heard - history.waiting }));
  cpu = process.cpuUsage();
  tell({ kind: "listening" });
}

/** What the pages ask, now and for a moment in the middle. */
async function answers(from: number, until: number): Promise<readonly Answer[]> {
  const middle = Math.floor((from + until) / 2);
  const found: Answer[] = [];
  const time = async (name: string, ask: () => Promise<number>): Promise<void> => {
    const times: number[] = [];
    let rows = 0;
    for (let turn = 0; turn < repeats; turn++) {
      const start = performance.now();
      rows = await ask();
      times.push(performance.now() - start);
    }
    found.push({ name, p50: percentile(times, 0.5), max: Math.max(...times), rows });
  };
  for (const [when, at] of [
    ["now", until],
    ["then", middle],
  ] as const) {
    const page = (name: string, query: TaskQuery): Promise<void> =>
      time(`${when}: ${name}`, async () => (await history.tasks({ limit: 200, ...query, at })).items.length);
    await page("tasks, 200 newest", {});
    await page("tasks, 200 oldest", { order: "oldest" });
    await page("tasks running", { state: ["running"] });
    await page("tasks failed", { state: ["failed"] });
    await page("tasks failed of one name", { state: ["failed"], task: ["bench.task7"] });
    await page("tasks of one worker and queue", { worker: ["w1@bench"], queue: ["media"] });
    await page("tasks of an hour", { from: at - 3_600_000, until: at - 1_800_000 });
    await page("text that is in many", { text: "example.org" });
    await page("text that is in none", { text: "nowhere to be found" });
    await time(`${when}: counts`, async () => (await history.counts({ at })).total);
    await time(`${when}: counts of one name`, async () => (await history.counts({ at, task: ["bench.task7"] })).total);
    for (const [name, length] of [
      ["5 min", 300_000],
      ["1 h", 3_600_000],
      ["24 h", 86_400_000],
      ["7 d", 604_800_000],
    ] as const)
      await time(
        `${when}: overview, ${name}`,
        async () => (await history.overview({ from: at - length, until: at, at })).series.sent.length,
      );
    await time(`${when}: queues`, async () => (await history.queues(at)).items.length);
    await time(`${when}: workers`, async () => (await history.workers(at)).items.length);
    const [task] = (await history.tasks({ at, state: ["failed"], limit: 1 })).items;
    await time(`${when}: one task`, async () => (await history.task(task?.id ?? "", at))?.attempts.length ?? 0);
    await time(`${when}: workflows`, async () => (await history.workflows({ at })).items.length);
    const [flow] = (await history.workflows({ at, limit: 1 })).items;
    await time(`${when}: one workflow`, async () => (await history.workflow(flow?.root ?? "", at))?.total ?? 0);
  }
  await time("50 pages of 200, one after the other", async () => {
    let after: string | undefined;
    let rows = 0;
    for (let turn = 0; turn < 50; turn++) {
      const page = await history.tasks({ limit: 200, at: until, ...(after !== undefined && { after }) });
      rows += page.items.length;
      after = page.next;
    }
    return rows;
  });
  await time("names", async () => (await history.names()).tasks.length);
  return found;
}
