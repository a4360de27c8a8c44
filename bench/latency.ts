/** Latency at idle: one task at a time with pauses between, from the call to the handler, and to the result in the caller's hands. */

import { Actor } from "./actor.ts";
import type { Server } from "./server.ts";
import { inOneProcess, type Load, optionsOf } from "./throughput.ts";

export interface Latencies {
  readonly start: readonly number[];
  readonly result: readonly number[];
}

/** Long enough that everybody sleeps again, uneven so that no poller is met in step, ms. */
const pause = (): number => 5 + Math.random() * 10;
const warmups = 100;

export async function latency(server: Server, load: Load, count: number): Promise<Latencies> {
  await server.clear();
  const options = optionsOf(server, load);
  await using worker = await Actor.start(load.system, load.flags.worker);
  const producer = inOneProcess(server) ? worker : await Actor.start(load.system, load.flags.producer);
  try {
    await worker.tell({ do: "work", options });
    await producer.tell({ do: "produce", options });
    const probes = [];
    for (let probe = 0; probe < warmups + count; probe++) {
      const reply = await producer.tell({ do: "probe", bytes: load.bytes });
      await new Promise((resolve) => setTimeout(resolve, pause()));
      if (reply.probe !== undefined) probes.push(reply.probe);
    }
    // Tasks that answer nobody are asked for their times at the worker, in the order they were sent.
    await worker.tell({ do: "await", count: warmups + count, pids: [] });
    const { handled = [] } = await worker.tell({ do: "handled" });
    const measured = probes.map((probe, at) => ({ ...probe, handled: probe.handled ?? handled[at] })).slice(warmups);
    return {
      start: measured.flatMap(({ sent, handled }) => (handled === undefined ? [] : [handled - sent])),
      result: measured.flatMap(({ sent, answered }) => (answered === undefined ? [] : [answered - sent])),
    };
  } finally {
    if (producer !== worker) await producer.end();
  }
}
