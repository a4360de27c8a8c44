/** A file that a task waits for until a test makes it: so a test decides what ends first. */

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Nothing waits longer for the other side. */
export const gatePatience = 120_000;

export async function opened(gate: string, signal: AbortSignal): Promise<void> {
  for (const end = performance.now() + gatePatience; !existsSync(gate);) {
    if (performance.now() > end) throw new Error(`nobody opened ${gate}`);
    await sleep(10, undefined, { signal });
  }
}
