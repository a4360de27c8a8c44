/**
 * What a worker holds: resident memory and heap after many tasks against idle, whether they go on growing, and what a million tasks that wait
 * for their time cost a worker that has nothing to do. Garbage is collected before each look, so that what is seen is what is held.
 *
 *   npm run bench -- memory [--tasks 1000000] [--delayed 1000000] [--docs] [--keep-build] [--json]
 */

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Actor } from "./actor.ts";
import { delayedCost, type DelayedCost } from "./delayed-cost.ts";
import { beginOccasion, sentenceOf } from "./occasion.ts";
import type { Memory } from "./orders.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { rssOf } from "./process-cost.ts";
import { short } from "./report.ts";
import { openServer } from "./server.ts";
import { slope } from "./statistics.ts";
import { optionsOf } from "./throughput.ts";

/** After all tasks, against idle. */
const grownBound = 1.2;
/** MB for a million tasks, over the last half of a run; told of runs of at least two million, below that noise is larger. */
const slopeBound = 1;
const slopeFrom = 2_000_000;
/** CPU of a worker, in percent of a core, and its heap in MB, more with tasks that wait for their time than without. */
const delayedBound = { cpu: 0.2, heap: 1 } as const;
/** Looks at the memory in a run. */
const looks = 50;
/** What a start does, and the tail of the last batch, are over by then. */
const settling = 3_000;
/** A worker gives memory back after five to ten seconds. */
const resting = 15_000;

/**
 * After so many tasks. `working` is resident memory right after the last of them, before garbage was collected; MB. `rested`: when the
 * worker has had nothing to do for a while, and has given back what V8 kept in reserve.
 */
interface Look extends Memory {
  readonly tasks: number;
  readonly working: number;
  readonly rested?: number;
}

/** Whether the bounds are kept. */
export async function memory(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tasks: { type: "string", default: "1000000" },
      delayed: { type: "string", default: "1000000" },
      docs: { type: "boolean", default: false },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [tasks, delayed] = [Number(values.tasks), Number(values.delayed)];
  if (![tasks, delayed].every((number) => Number.isSafeInteger(number) && number >= looks))
    throw new Error(`--tasks and --delayed take whole numbers of at least ${looks}`);
  const occasion = await beginOccasion(values["keep-build"]);
  const seen = await looksAt(tasks);
  const waiting = await delayedCost(delayed);
  const judged = judge(seen, waiting);
  const facts = occasion.facts();
  const report = { facts, tasks, delayed, ...judged, waiting, looks: seen };
  await occasion.store("memory", report);
  const text = `${tableOf(seen, waiting, delayed)}\n\n${judged.words.join("\n")}`;
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${text}\n`);
  if (values.docs) {
    const command = `npm run bench -- memory --tasks ${tasks} --delayed ${delayed}`;
    await writeBlock("docs/performance.md", "memory", `${text}\n\n${sentenceOf(facts, command)}`);
  }
  return judged.ok;
}

async function looksAt(tasks: number): Promise<readonly Look[]> {
  await using server = await openServer("redis");
  const options = optionsOf(server, { concurrency: 100, pool: "inline" });
  await using worker = await Actor.start("celeriac", ["--expose-gc"]);
  await using producer = await Actor.start("celeriac");
  await worker.tell({ do: "work", options });
  await producer.tell({ do: "produce", options });
  const seen: Look[] = [];
  const see = async (after: number): Promise<void> => {
    const working = rssOf(worker.pid);
    const { memory: held } = await worker.tell({ do: "memory" });
    if (held === undefined) throw new Error("the worker did not tell what it holds");
    if (after === tasks) await sleep(resting);
    seen.push({ tasks: after, working, ...held, ...(after === tasks && { rested: rssOf(worker.pid) }) });
  };
  await sleep(settling);
  await see(0);
  for (let at = 1; at <= looks; at++) {
    const [before, count] = [Math.round((tasks * (at - 1)) / looks), Math.round((tasks * at) / looks)];
    const last = worker.tell({ do: "await", count, pids: [] });
    await producer.tell({ do: "send", how: "bulk", count: count - before, inFlight: 1000, bytes: 100 });
    await last;
    if (at === looks) await sleep(settling);
    await see(count);
    // Results that nobody fetches are kept for a day: ten million of them would be another measurement, of Redis.
    await server.clear();
  }
  return seen;
}

interface Judged {
  readonly ok: boolean;
  readonly rssGrown: number;
  readonly heapGrown: number;
  /** MB for a million tasks, over the last half, and its standard error. */
  readonly rssSlope: number;
  readonly rssSlopeError: number;
  readonly heapSlope: number;
  readonly words: readonly string[];
}

export function judge(seen: readonly Look[], waiting: DelayedCost): Judged {
  const [idle, last] = [seen[0], seen.at(-1)];
  if (idle === undefined || last === undefined) throw new Error("nobody looked");
  const rested = last.rested ?? last.rss;
  const [rssGrown, heapGrown] = [rested / idle.rss, last.heap / idle.heap];
  const half = seen.filter(({ tasks }) => tasks >= last.tasks / 2);
  const rss = slope(half.map(({ tasks, rss: y }) => ({ x: tasks / 1e6, y })));
  const heap = slope(half.map(({ tasks, heap: y }) => ({ x: tasks / 1e6, y })));
  const long = last.tasks >= slopeFrom;
  const [moreCpu, moreHeap] = [waiting.cpu - waiting.cpuWithout, waiting.heap - waiting.heapWithout];
  const verdicts: readonly (readonly [ok: boolean, words: string])[] = [
    [
      rssGrown <= grownBound,
      `Resident memory after the tasks, at rest: ${rested.toFixed(0)} MB, ${rssGrown.toFixed(2)} × idle (bound ${grownBound})`,
    ],
    [heapGrown <= grownBound, `Heap after the tasks: ${heapGrown.toFixed(2)} × idle (bound ${grownBound})`],
    [
      !long || rss.slope <= slopeBound,
      `Growth over the last half: ${rss.slope.toFixed(2)} ± ${rss.error.toFixed(2)} MB of resident memory and ${heap.slope.toFixed(2)} MB of heap for a million tasks ` +
        (long ? `(bound ${slopeBound})` : `(not judged below ${slopeFrom / 1e6} million tasks)`),
    ],
    [
      moreCpu <= delayedBound.cpu && moreHeap <= delayedBound.heap,
      `Delayed tasks: ${moreCpu.toFixed(2)} % of a core more (bound ${delayedBound.cpu}), ${moreHeap.toFixed(2)} MB of heap more (bound ${delayedBound.heap})`,
    ],
  ];
  const words = verdicts.map(([ok, text]) => `- ${text}${ok ? "" : ": **over it**"}.`);
  return {
    ok: verdicts.every(([ok]) => ok),
    rssGrown,
    heapGrown,
    rssSlope: rss.slope,
    rssSlopeError: rss.error,
    heapSlope: heap.slope,
    words,
  };
}

function tableOf(seen: readonly Look[], waiting: DelayedCost, delayed: number): string {
  const spaced = (count: number): string => count.toLocaleString("en").replaceAll(",", " ");
  const shown = seen.filter((_, at) => at === 0 || at % (looks / 5) === 0);
  const rows = shown.map(({ tasks, working, rss, rested, heap, external }) => [
    tasks === 0 ? "idle, after the start" : `after ${spaced(tasks)} tasks`,
    ...[working, rss].map(short),
    rested === undefined ? "" : short(rested),
    ...[heap, external].map(short),
  ]);
  const heads = ["RSS", "RSS after collecting", "at rest", "heap", "outside of it"];
  const table = markdownTable(["worker, MB", ...heads], rows);
  const idle = markdownTable(
    ["an idle worker", "CPU, % of a core", "RSS MB", "heap MB"],
    [
      ["nothing waits", ...[waiting.cpuWithout, waiting.rssWithout, waiting.heapWithout].map(short)],
      [`${spaced(delayed)} wait for their time`, ...[waiting.cpu, waiting.rss, waiting.heap].map(short)],
    ],
  );
  return `${table}\n\n${idle}`;
}
