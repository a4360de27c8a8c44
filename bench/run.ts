/**
 * The benchmarks: `npm run bench -- e2e --broker redis`. Installs the peers on first use, builds the package, runs each measurement
 * with its peers in turn (A B A B), prints a table, and writes every round to `bench/results/`. `--help` says the rest.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { background } from "./background.ts";
import { choosing } from "./choosing.ts";
import { chord } from "./chord.ts";
import { countCheck } from "./count-check.ts";
import { idle } from "./idle.ts";
import { buildCeleriac, installPeers } from "./installation.ts";
import { latency } from "./latency.ts";
import { fairness } from "./fairness.ts";
import { growth } from "./growth.ts";
import { limits } from "./limits.ts";
import { disturbance, machineFacts } from "./machine.ts";
import { memory } from "./memory.ts";
import { optionsFrom, type Options, peersOf, usage } from "./options.ts";
import { machineTicks } from "./process-cost.ts";
import { comparisons, type Measurement, type Row, tableOf } from "./report.ts";
import { type BrokerName, openServer, type Server } from "./server.ts";
import { shards } from "./shards.ts";
import { startup } from "./startup.ts";
import { percentile } from "./statistics.ts";
import { consume, endToEnd, enqueue, type Load } from "./throughput.ts";
import { upkeep } from "./upkeep.ts";

type Figures = Readonly<Partial<Record<string, number>>>;
type Round = (server: Server, load: Load, options: Options) => Promise<Figures>;

const kinds: Readonly<Record<string, Round>> = {
  "enqueue-single": (server, load) => enqueue(server, load, "single"),
  "enqueue-bulk": (server, load) => enqueue(server, load, "bulk"),
  consume,
  e2e: endToEnd,
  latency: async (server, load, options) => {
    const { start, result } = await latency(server, load, options.probes);
    return {
      start50: percentile(start, 0.5),
      start99: percentile(start, 0.99),
      ...(result.length > 0 && { result50: percentile(result, 0.5), result99: percentile(result, 0.99) }),
    };
  },
  chord,
  upkeep: async (server, load, options) => ({ ...(await upkeep(server, load, options.upkeepTasks)) }),
};
/** How many of the tasks a slow system gets, so that a round takes seconds and not minutes. */
const share: Readonly<Record<string, number>> = {
  bullmq: 0.5,
  plainjob: 0.25,
  "celery-prefork": 0.1,
  "celery-threads": 0.1,
};

/** Measurements with options of their own and no peers. Each says whether its bounds are kept. */
const tools: Readonly<Record<string, (args: readonly string[]) => Promise<boolean>>> = {
  background,
  choosing,
  counts: countCheck,
  fairness,
  growth,
  idle,
  limits,
  memory,
  shards,
};

async function main(): Promise<void> {
  const [tool = "", ...rest] = process.argv.slice(2);
  const found = tools[tool];
  if (found !== undefined) {
    if (!(await found(rest))) process.exitCode = 1;
    return;
  }
  const options = optionsFrom(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  await installPeers();
  await buildCeleriac(options.keepBuild);
  const machine = machineFacts(options.brokers.flatMap((broker) => [broker, ...peersOf(broker, options.peers)]));
  const ticks = machineTicks();
  if (!options.json) print(JSON.stringify(machine, null, 1).replace(/^[{}]\n?|"|,$/gm, ""));
  const measurements: Measurement[] = [];
  for (const what of options.what) {
    for (const broker of what === "startup" ? (["sqlite"] as const) : options.brokers) {
      const measured = what === "startup" ? await measureStartup(options) : await measure(what, broker, options);
      measurements.push(measured);
      if (!options.json) print(`${tableOf(measured)}\n`);
    }
  }
  const during = disturbance(ticks);
  if (!options.json)
    print(`machine during the run: ${during.busy} % busy, ${during.stolen} % stolen by the hypervisor`);
  const report = {
    at: new Date().toISOString(),
    machine: { ...machine, ...during },
    options,
    measurements: measurements.map((each) => ({ ...each, comparisons: comparisons(each) })),
  };
  const folder = join(import.meta.dirname, "results");
  await mkdir(folder, { recursive: true });
  const name = `${report.at.replaceAll(/[:.]/g, "-")}-${options.what.join("+")}-${options.brokers.join("+")}.json`;
  await writeFile(join(folder, name), `${JSON.stringify(report, null, 2)}\n`);
  print(options.json ? JSON.stringify(report) : `every round: bench/results/${name}`);
}

async function measure(what: string, broker: BrokerName, options: Options): Promise<Measurement> {
  const round = kinds[what];
  if (round === undefined) throw new Error(`nothing is called "${what}"`);
  const systems = ["celeriac"];
  systems.push(...peersOf(broker, options.peers).filter((peer) => fits(peer, what, options)));
  const rows: Row[] = systems.map((system) => ({ system, figures: {} }));
  await using server = await openServer(broker);
  for (let turn = 0; turn < options.rounds; turn++) {
    for (const row of rows) {
      if (!options.json) process.stderr.write(`${what} ${broker} ${row.system} ${turn + 1}/${options.rounds}\n`);
      const figures = await round(server, loadOf(row.system, options), options);
      for (const [name, value] of Object.entries(figures)) {
        if (value !== undefined) ((row.figures as Record<string, number[]>)[name] ??= []).push(value);
      }
    }
  }
  return { what, broker, pool: options.pool, bytes: options.bytes, rows };
}

async function measureStartup(options: Options): Promise<Measurement> {
  const times = await startup(Math.max(5, options.rounds));
  const figures = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, [ms]]));
  return { what: "startup", broker: "sqlite", pool: "both", bytes: 0, rows: [{ system: "celeriac", figures }] };
}

/** bee-queue has no sandboxed processors, and what an idle peer costs is asked of none but BullMQ. */
function fits(peer: string, what: string, options: Options): boolean {
  if (peer === "celeriac-events") return what === "e2e" || what === "consume";
  if (what === "chord") return peer.startsWith("celery-");
  if (peer === "bullmq") return true;
  if (peer === "bee-queue" || peer === "plainjob") return options.pool === "inline" && what !== "upkeep";
  return what !== "latency" && what !== "upkeep";
}

function loadOf(system: string, options: Options): Load {
  const tasks = Math.max(10, Math.round(options.tasks * (share[system] ?? 1)));
  const ours = system.startsWith("celeriac");
  const profile = ours ? options.profile : undefined;
  const flags = (role: string): readonly string[] => [
    ...(ours ? options.node : []),
    ...(profile === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${system}-${role}.cpuprofile`]),
  ];
  return {
    system,
    pool: options.pool,
    // BullMQ's sandbox is one process of 75 MB for each task at once; more of them than cores only cost.
    concurrency:
      system === "bullmq" && options.pool === "process"
        ? Math.min(options.concurrency, availableParallelism())
        : options.concurrency,
    tasks,
    // A worker has up to its concurrency in hand when the measured part begins; that must be small against the warm-up.
    warmup: Math.max(4 * options.concurrency, system.startsWith("celery") ? Math.round(tasks / 4) : tasks),
    inFlight: options.inFlight,
    bulkSize: options.bulkSize,
    bytes: options.bytes,
    flags: { producer: flags("producer"), worker: flags("worker") },
  };
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
