/** The parts of a worker, in the order in which they start. */

import type { WorkerInside, WorkerPart } from "./part.ts";

type MakePart = (inside: WorkerInside) => WorkerPart;

const parts: readonly MakePart[] = [];

/** Started one after the other; resolves with what stops them in the opposite order. */
export async function startParts(inside: WorkerInside, signal: AbortSignal): Promise<() => Promise<void>> {
  const started: WorkerPart[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    for (const make of parts) {
      const part = make(inside);
      started.push(part);
      await part.start(signal);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
