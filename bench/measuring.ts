/** Measurements with peers: each system in turn (A B A B), every round kept, and a report of all of it in `bench/results/`. */

import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { chord } from "./chord.ts";
import { buildCeleriac, installPeers } from "./installation.ts";
import { latency } from "./latency.ts";
import { disturbance, type Machine, machineFacts } from "./machine.ts";
import { type Options, peersOf } from "./options.ts";
import { machineTicks } from "./process-cost.ts";
import { comparisons, type Measurement, type Row } from "./report.ts";
import { type BrokerName, openServer, type Server } from "./server.ts";
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

export interface Report {
  readonly at: string;
  readonly machine: Machine & { readonly busy: number; readonly stolen: number };
  readonly options: Options;
  readonly measurements: readonly Measurement[];
}

export interface Watcher {
  began(machine: Machine): void;
  /** Of one system. */
  round(text: string): void;
  measured(measurement: Measurement): void;
}

/** All that the options name. Resolves with the report and the name of its file. */
export async function measureAll(options: Options, watcher: Watcher): Promise<{ report: Report; file: string }> {
  await installPeers();
  await buildCeleriac(options.keepBuild);
  const machine = machineFacts(options.brokers.flatMap((broker) => [broker, ...peersOf(broker, options.peers)]));
  const ticks = machineTicks();
  watcher.began(machine);
  const measurements: Measurement[] = [];
  for (const what of options.what) {
    for (const broker of what === "startup" ? (["sqlite"] as const) : options.brokers) {
      const measured =
        what === "startup" ? await measureStartup(options) : await measure(what, broker, options, watcher);
      measurements.push(measured);
      watcher.measured(measured);
    }
  }
  const report = {
    at: new Date().toISOString(),
    machine: { ...machine, ...disturbance(ticks) },
    options,
    measurements: measurements.map((each) => ({ ...each, comparisons: comparisons(each) })),
  };
  const folder = join(import.meta.dirname, "results");
  await mkdir(folder, { recursive: true });
  const file = `${report.at.replaceAll(/[:.]/g, "-")}-${options.what.join("+")}-${options.brokers.join("+")}.json`;
  await writeFile(join(folder, file), `${JSON.stringify(report, null, 2)}\n`);
  return { report, file };
}

async function measure(what: string, broker: BrokerName, options: Options, watcher: Watcher): Promise<Measurement> {
  const round = kinds[what];
  if (round === undefined) throw new Error(`nothing is called "${what}"`);
  const systems = ["celeriac"];
  systems.push(...peersOf(broker, options.peers).filter((peer) => fits(peer, what, options)));
  const rows: Row[] = systems.map((system) => ({ system, figures: {} }));
  await using server = await openServer(broker);
  for (let turn = 0; turn < options.rounds; turn++) {
    for (const row of rows) {
      watcher.round(`${what} ${broker} ${row.system} ${turn + 1}/${options.rounds}`);
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
