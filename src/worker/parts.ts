/** The parts of a worker, in the order in which they start. */

import { type Doing, SpareMemory } from "../heap/spare-memory.ts";
import { Autoscaler } from "./autoscaler.ts";
import { EventPart } from "./event-part.ts";
import { FactPart } from "./fact-part.ts";
import type { WorkerInside, WorkerPart } from "./part.ts";
import { RemotePart } from "./remote/remote-part.ts";
import { RunTracing } from "./run-tracing.ts";

type MakePart = (inside: WorkerInside) => WorkerPart;

const parts: readonly MakePart[] = [(inside) => new FactPart(inside), (inside) => new RemotePart(inside)];

/** Started one after the other; resolves with what stops them in the opposite order. */
export async function startParts(
  bare: Omit<WorkerInside, "events" | "autoscaler">,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  // All are made before one starts, so that each hears what the first are told.
  const { autoscale } = bare.settings;
  const autoscaler = autoscale && new Autoscaler(bare, autoscale);
  const events = new EventPart({ ...bare, autoscaler });
  const inside: WorkerInside = { ...bare, events, autoscaler };
  const { telemetry } = bare.core.config;
  const spare = bare.settings.releaseMemory ? [sparePart(bare)] : [];
  const tracing = telemetry ? [new RunTracing(inside, telemetry)] : [];
  const made = [
    events,
    ...tracing,
    ...parts.map((make) => make(inside)),
    ...(autoscaler ? [autoscaler] : []),
    ...spare,
  ];
  const started: WorkerPart[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    for (const part of made) {
      started.push(part);
      await part.start(signal);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

function sparePart({ clock, stats }: Pick<WorkerInside, "clock" | "stats">): WorkerPart {
  let memory: SpareMemory | undefined;
  const doing = (): Doing => {
    const { busy, received } = stats();
    return { busy, taken: received };
  };
  return {
    start: async () => void (memory = new SpareMemory(clock, doing)),
    stop: async () => memory?.[Symbol.dispose](),
  };
}
