/**
 * The three events of each task alone, without a worker around them: made, and sent to a private Redis. CPU of this process a task, medians; and
 * how often that made the garbage collector run. Steadier than `event-cost.ts` where the machine is busy, and says nothing of a whole worker.
 *
 *   node bench/event-alone.ts [--rounds 15] [--tasks 40000] [--json]
 */

import { performance, PerformanceObserver, constants } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { coreOf, createApp } from "../src/app/app.ts";
import { systemClock } from "../src/clock/clock.ts";
import { Emitter } from "../src/event/emitter.ts";
import { LamportClock } from "../src/event/lamport.ts";
import type { Bus } from "../src/port/bus.ts";
import { noEmbed } from "../src/wire/task-body.ts";
import type { Execution } from "../src/worker/execution.ts";
import type { Told } from "../src/worker/reporter.ts";
import { TaskEvents } from "../src/worker/task-events.ts";
import { openServer } from "./server.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    tasks: { type: "string", default: "40000" },
    json: { type: "boolean", default: false },
  },
});
const [rounds, tasks] = [Number(values.rounds), Number(values.tasks)];
if (![rounds, tasks].every((number) => Number.isSafeInteger(number) && number > 0))
  throw new Error("--rounds and --tasks take whole numbers");
/** Tasks in hand at a time. */
const together = 100;

const call = Buffer.from(`[[],{"n":12345,"text":"${"x".repeat(80)}"}]`);
const result = Buffer.from("12345");

/** As much of one as its events are made of. */
function execution(): Execution {
  const id = crypto.randomUUID();
  const headers = { id, task: "bench.noop", rootId: id, retries: 0 };
  const rest = { message: { headers: {} }, call, delivery: { queue: "celery" }, claim: { fence: 1 }, embed: noEmbed };
  return { headers, ...rest } as unknown as Execution;
}

let [small, full] = [0, 0];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } }).detail;
    if (kind === constants.NODE_PERFORMANCE_GC_MINOR) small++;
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) full++;
  }
}).observe({ entryTypes: ["gc"] });

class Maker {
  readonly #emitter: Emitter;
  readonly #events: TaskEvents;
  readonly micros: number[] = [];
  small = 0;
  full = 0;

  constructor(bus: Pick<Bus, "publish">) {
    const common = { clock: systemClock, lamport: new LamportClock(), hostname: "worker-1@bench", pid: process.pid };
    const emitter = new Emitter({ bus, ...common });
    this.#emitter = emitter;
    this.#events = new TaskEvents({
      on: () => true,
      tell: (type, fields) => emitter.queue(type, fields),
      write: (type, json) => emitter.write(type, json),
    });
  }

  async round(counted: boolean): Promise<void> {
    const [smallBefore, fullBefore] = [small, full];
    const before = process.cpuUsage();
    for (let done = 0; done < tasks; done += together) {
      const some = Array.from({ length: together }, execution);
      for (const one of some) this.#events.admitted(one);
      for (const one of some) this.#events.started(one);
      const told = { end: { kind: "succeeded", ms: performance.now() % 7 }, value: result } as unknown as Told;
      for (const one of some) this.#events.ended(one, told, "settled");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#emitter.drain();
    const { user, system } = process.cpuUsage(before);
    await new Promise((resolve) => setImmediate(resolve));
    if (!counted) return;
    this.micros.push((user + system) / tasks);
    this.small += small - smallBefore;
    this.full += full - fullBefore;
  }
}

await using server = await openServer("redis");
const app = createApp({ name: "bench", broker: server.address });
try {
  const { bus } = await coreOf(app).connect();
  const makers = { made: new Maker({ publish: () => Promise.resolve() }), "made and sent": new Maker(bus) };
  for (let round = -2; round < rounds; round++)
    for (const maker of Object.values(makers)) await maker.round(round >= 0);
  for (const [name, maker] of Object.entries(makers)) {
    const per = 100_000 / (rounds * tasks);
    const figures = {
      name,
      micros: median(maker.micros),
      least: Math.min(...maker.micros),
      small: maker.small * per,
      full: maker.full * per,
    };
    process.stdout.write(
      values.json
        ? `${JSON.stringify(figures)}\n`
        : `${name}: ${figures.micros.toFixed(1)} µs a task (least ${figures.least.toFixed(1)}); of 100 000 tasks ${figures.small.toFixed(0)} small and ${figures.full.toFixed(1)} full collections\n`,
    );
  }
} finally {
  await app.close();
}
