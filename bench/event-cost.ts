/**
 * What events cost a worker: one worker process on Redis, tasks by the ten thousand, with somebody listening and without, in turn. The
 * listener reads and forgets, so that nothing of a monitor is in the figures; the CPU of a process does not depend on what else runs here.
 *
 *   node bench/event-cost.ts [--rounds 6] [--tasks 40000] [--bytes 100] [--pool inline] [--profile FOLDER] [--keep-build] [--json]
 */

import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Actor } from "./actor.ts";
import { buildCeleriac, installPeers } from "./installation.ts";
import { cpuOf } from "./process-cost.ts";
import { openServer, type Server } from "./server.ts";
import { median } from "./statistics.ts";
import { optionsOf } from "./throughput.ts";

/** A worker trusts what it knows of its listeners for four seconds. */
const untilNoticed = 5_000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "6" },
    tasks: { type: "string", default: "40000" },
    bytes: { type: "string", default: "100" },
    pool: { type: "string", default: "inline" },
    profile: { type: "string" },
    "keep-build": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const [rounds, tasks, bytes] = [Number(values.rounds), Number(values.tasks), Number(values.bytes)];
if (![rounds, tasks, bytes].every((number) => Number.isSafeInteger(number) && number > 0))
  throw new Error("--rounds, --tasks and --bytes take whole numbers");
if (values.pool !== "inline" && values.pool !== "process") throw new Error("--pool is inline or process");
const load = { pool: values.pool, concurrency: 100 } as const;

/** Microseconds of a task. */
interface Cost {
  readonly worker: number;
  readonly server: number;
  readonly wall: number;
}

/** Listens to everything that is told, as monitors do, and counts bytes. */
class Listener {
  readonly #socket: Socket;
  bytes = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => (this.bytes += chunk.byteLength));
  }

  static async open(server: Server): Promise<Listener> {
    const { hostname, port, pathname } = new URL(server.address);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const pattern = `/${pathname.slice(1) || "0"}.celeryev/*`;
    socket.write(`*2\r\n$10\r\nPSUBSCRIBE\r\n$${String(Buffer.byteLength(pattern))}\r\n${pattern}\r\n`);
    return new Listener(socket);
  }

  close(): void {
    this.#socket.destroy();
  }
}

await installPeers();
await buildCeleriac(values["keep-build"]);
await using server = await openServer("redis");
const flags = (name: string): readonly string[] =>
  values.profile === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`, `--cpu-prof-name=${name}.cpuprofile`];
await using worker = await Actor.start("celeriac", flags("event-cost-worker"));
await using producer = await Actor.start("celeriac");
await producer.tell({ do: "produce", options: optionsOf(server, load) });
await worker.tell({ do: "work", options: optionsOf(server, load) });
let done = 0;

async function run(count: number): Promise<Cost> {
  done += count;
  const before = { worker: cpuOf(worker.pid), server: cpuOf(server.pids[0] ?? 0), at: performance.now() };
  const last = worker.tell({ do: "await", count: done, pids: [] });
  await producer.tell({ do: "send", how: "bulk", count, inFlight: 1000, bytes });
  await last;
  const each = (from: number, to: number): number => ((to - from) * 1000) / count;
  return {
    worker: each(before.worker, cpuOf(worker.pid)),
    server: each(before.server, cpuOf(server.pids[0] ?? 0)),
    wall: each(before.at, performance.now()),
  };
}

const costs: { readonly with: Cost; readonly without: Cost; readonly heard: number }[] = [];
for (let round = -1; round < rounds; round++) {
  const listener = await Listener.open(server);
  await sleep(untilNoticed);
  const loud = await run(tasks);
  // The last list leaves some milliseconds after the last task.
  await sleep(100);
  const heard = listener.bytes / tasks;
  listener.close();
  await sleep(untilNoticed);
  const quiet = await run(tasks);
  if (heard < 300) throw new Error(`only ${heard.toFixed(0)} bytes a task were heard: nothing was measured`);
  if (round < 0) continue; // warms both ways up
  costs.push({ with: loud, without: quiet, heard });
  if (!values.json)
    process.stderr.write(
      `${String(round + 1)}/${String(rounds)}  worker ${quiet.worker.toFixed(1)} → ${loud.worker.toFixed(1)} µs, Redis ${quiet.server.toFixed(1)} → ${loud.server.toFixed(1)} µs, ${(loud.worker / quiet.worker).toFixed(2)} ×\n`,
    );
}
const middle = (pick: (cost: (typeof costs)[number]) => number): number => median(costs.map(pick));
const summary = {
  workerWithout: middle((cost) => cost.without.worker),
  workerWith: middle((cost) => cost.with.worker),
  ratio: middle((cost) => cost.with.worker / cost.without.worker),
  redisWithout: middle((cost) => cost.without.server),
  redisWith: middle((cost) => cost.with.server),
  bytes: middle((cost) => cost.heard),
};
process.stdout.write(
  values.json
    ? `${JSON.stringify({ summary, costs })}\n`
    : `CPU of the worker a task: ${summary.workerWithout.toFixed(1)} µs without events, ${summary.workerWith.toFixed(1)} µs with them, ${summary.ratio.toFixed(2)} × (bound 1.18); Redis ${summary.redisWithout.toFixed(1)} and ${summary.redisWith.toFixed(1)} µs; ${summary.bytes.toFixed(0)} bytes a task\n`,
);
