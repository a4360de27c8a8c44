/**
 * What `celeriac dashboard` holds, in a process as its users start it, over time: its history is as large as it may be, a cluster tells of a
 * million tasks an hour through Redis or an SQLite file, people look at its pages all the time, and streams are open, one of which is never read.
 *
 *   npm run bench -- dashboard [--broker redis] [--minutes 10] [--keep-size 1024] [--file FILE] [--people 4] [--streams 10] [--docs] [--keep-build] [--json]
 *
 * `--keep-size`: MB of the history, which a process fills first, some minutes for 1024. `--file`: it lies there, and is used again if it is there.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { coreOf, createApp } from "../src/app/app.ts";
import { type CeleryEvent, eventMessage } from "../src/wire/event.ts";
import { type MemoryParts, memoryParts } from "./dashboard-memory.ts";
import type { OwnMemory } from "./dashboard-own.ts";
import { type Looked, Visitors } from "./dashboard-visitors.ts";
import { celeriac } from "./installation.ts";
import { everyEvent, made } from "./made-events.ts";
import { beginOccasion, sentenceOf } from "./occasion.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { cpuOf } from "./process-cost.ts";
import { short } from "./report.ts";
import { type BrokerName, openServer } from "./server.ts";

/** MB, of all looks. */
const bound = 300;
/** Between two looks at the memory, ms. */
const lookEvery = 1_000;
/** Between two messages of events, ms. */
const tellEvery = 100;
/** Events of one message. */
const mostAtOnce = 1_000;
/** Lines of the table. */
const shown = 10;
/** Messages that wait in each queue, for the page to show. */
const lying = 500;

/** Of what a history keeps, unix ms. */
interface Kept {
  readonly from: number;
  readonly until: number;
  readonly events: number;
}

interface Look extends MemoryParts {
  readonly minute: number;
}

/** Whether the bound is kept. */
export async function dashboard(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      broker: { type: "string", default: "redis" },
      minutes: { type: "string", default: "10" },
      "keep-size": { type: "string", default: "1024" },
      file: { type: "string" },
      people: { type: "string", default: "4" },
      streams: { type: "string", default: "10" },
      docs: { type: "boolean", default: false },
      "keep-build": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const [minutes, size, people, streams] = [values.minutes, values["keep-size"], values.people, values.streams].map(
    Number,
  ) as [number, number, number, number];
  if (![size, people, streams].every((number) => Number.isSafeInteger(number) && number > 0) || !(minutes > 0))
    throw new Error("--keep-size, --people and --streams take whole numbers, --minutes a number");
  const broker = values.broker;
  if (broker !== "redis" && broker !== "sqlite") throw new Error("--broker knows redis and sqlite");
  const occasion = await beginOccasion(values["keep-build"]);
  const folder = await mkdtemp(join(tmpdir(), "celeriac-dashboard-"));
  try {
    const path = values.file ?? join(folder, "history.db");
    const kept = await filled(path, size * 2 ** 20);
    const { looks, looked, told, cores } = await watched(path, size * 2 ** 20, kept, {
      broker,
      minutes,
      people,
      streams,
    });
    const most = Math.max(...looks.map(({ rss }) => rss));
    const ok = most <= bound;
    const facts = occasion.facts();
    const report = { facts, broker, minutes, size, people, streams, kept, told, cores, most, bound, ok, looks, looked };
    await occasion.store("dashboard", report);
    const words = [
      `- Resident memory at most: ${most.toFixed(0)} MB in ${String(looks.length)} looks (bound ${String(bound)})${ok ? "" : ": **over it**"}.`,
      `- ${String(told)} events were told; ${String(looked.asked)} questions were answered, ${String(Object.values(looked.refused).reduce((sum, many) => sum + many, 0))} were not; ${String(looked.streams.events)} events went over ${String(streams)} streams, ${String(looked.streams.begun)} times begun; ${cores.toFixed(2)} cores.`,
    ];
    const text = `${tableOf(looks)}\n\n${words.join("\n")}`;
    const answers = looked.answers.map(({ name, p50, worst }) => [name, short(p50), short(worst)]);
    process.stdout.write(
      values.json
        ? `${JSON.stringify(report)}\n`
        : `${text}\n\n${markdownTable(["question, others asked meanwhile", "p50 ms", "worst ms"], answers)}\n${JSON.stringify(looked.refused)}\n`,
    );
    if (values.docs) {
      const command = `npm run bench -- dashboard --broker ${broker} --minutes ${values.minutes} --keep-size ${values["keep-size"]}`;
      await writeBlock("docs/performance.md", "dashboard", `${text}\n\n${sentenceOf(facts, command)}`);
    }
    return ok;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function filled(path: string, bytes: number): Promise<Kept> {
  const beside = `${path}.json`;
  if (existsSync(path) && existsSync(beside)) return JSON.parse(readFileSync(beside, "utf8")) as Kept;
  process.stderr.write("the history is being filled…\n");
  const child = fork(join(import.meta.dirname, "dashboard-file.ts"), [path, String(bytes)]);
  const kept = await new Promise<Kept>((resolve, reject) => {
    child.once("message", (message) => resolve(message as Kept));
    child.once("exit", (code) => reject(new Error(`filling the history ended with ${String(code)}`)));
  });
  await once(child, "exit");
  writeFileSync(beside, JSON.stringify(kept));
  return kept;
}

interface Watched {
  readonly looks: readonly Look[];
  readonly looked: Looked;
  readonly told: number;
  readonly cores: number;
}

async function watched(
  path: string,
  maxBytes: number,
  { from }: Kept,
  {
    broker,
    minutes,
    people,
    streams,
  }: {
    readonly broker: BrokerName;
    readonly minutes: number;
    readonly people: number;
    readonly streams: number;
  },
): Promise<Watched> {
  await using server = await openServer(broker);
  await server.clear();
  const address = server.address.startsWith("/") ? `sqlite:${server.address}` : server.address;
  const app = createApp({ name: "bench", broker: address });
  const child = fork(
    join(celeriac, "dist", "cli", "main.js"),
    [
      "dashboard",
      "--broker",
      address,
      "--history",
      path,
      "--keep-size",
      `${String(maxBytes / 2 ** 20)}M`,
      "--port",
      "0",
      "--json",
    ],
    {
      execArgv: ["--import", join(import.meta.dirname, "dashboard-own.ts")],
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    },
  );
  const pid = child.pid ?? 0;
  const looks: Look[] = [];
  const end = new AbortController();
  try {
    const url = await ready(child);
    const { bus } = await coreOf(app).connect();
    for (const queue of ["mail", "media", "default", "reports"]) {
      const calls = Array.from({ length: lying }, (_, index) => index);
      const lies = app.task(`bench.lies-in-${queue}`, { queue }, (_: unknown) => undefined);
      for (const index of calls) await lies.enqueue(index, { ignoreResult: true });
    }
    const telling = tell(
      (events) => bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events)),
      end.signal,
    );
    const visitors = new Visitors(url, { people, streams, from });
    const [started, cpu] = [performance.now(), cpuOf(pid)];
    const since = (): number => (performance.now() - started) / 60_000;
    while (since() < minutes) {
      const own = once(child, "message") as Promise<[OwnMemory]>;
      child.send("look");
      const look = { minute: since(), ...memoryParts(pid, (await own)[0]) };
      looks.push(look);
      if (looks.length % 15 === 0) process.stderr.write(`${rowOf(look).join("  ")}\n`);
      await sleep(lookEvery);
    }
    const cores = (cpuOf(pid) - cpu) / (performance.now() - started);
    const looked = await visitors.leave();
    end.abort();
    return { looks, looked, told: await telling, cores };
  } finally {
    end.abort();
    await app.close();
    child.kill("SIGKILL");
  }
}

/** Where it is. Rejects where it ends before. */
async function ready(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the dashboard has no output");
  for await (const line of createInterface({ input: child.stdout }))
    return (JSON.parse(line) as { readonly url: string }).url;
  throw new Error("the dashboard ended before it was ready");
}

/** Each event when its time has come; resolves with their number. */
async function tell(
  publish: (events: readonly CeleryEvent[]) => Promise<unknown>,
  signal: AbortSignal,
): Promise<number> {
  // The end of the longest task is told ahead by so much.
  const ahead = 1_000;
  const stream = everyEvent(made(Date.now() - ahead));
  let next = (stream.next() as IteratorYieldResult<CeleryEvent>).value;
  let told = 0;
  while (!signal.aborted) {
    const events: CeleryEvent[] = [];
    while (next.timestamp * 1000 <= Date.now() && events.length < mostAtOnce) {
      events.push(next);
      next = (stream.next() as IteratorYieldResult<CeleryEvent>).value;
    }
    if (events.length > 0) await publish(events);
    told += events.length;
    if (events.length < mostAtOnce) await sleep(tellEvery, undefined, { signal }).catch(() => {});
  }
  return told;
}

function tableOf(looks: readonly Look[]): string {
  const last = looks.length - 1;
  const lines = Array.from({ length: shown + 1 }, (_, index) => looks[Math.round((last * index) / shown)]);
  const heads = ["RSS", "files", "heap", "heap of threads", "malloc", "malloc of threads", "rest"];
  return markdownTable(
    ["minute, MB", ...heads],
    lines.flatMap((look) => (look === undefined ? [] : [rowOf(look)])),
  );
}

function rowOf({ minute, rss, files, mainHeap, threadHeaps, mainMalloc, threadMalloc, rest }: Look): readonly string[] {
  const parts = [rss, files, mainHeap, threadHeaps, mainMalloc, threadMalloc, rest];
  return [minute.toFixed(1), ...parts.map((part) => part.toFixed(0))];
}
