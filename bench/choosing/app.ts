/** The work that `choosing.ts` gives away: waits and computes for a while, and writes down that it is at it. Server, workers and their children import it. */

import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { createApp } from "../../src/index.ts";

export interface Work {
  readonly id: number;
  /** How long it waits for something, before it writes down that it is there, ms. */
  readonly wait: number;
  /** How long it computes then, ms. */
  readonly ms: number;
}

export const app = createApp({ name: "choosing", broker: process.env["CHOOSING_BROKER"] ?? "memory:" });

const journal = process.env["CHOOSING_JOURNAL"] ?? "/dev/null";

export async function work({ id, wait, ms }: Work): Promise<void> {
  if (wait > 0) await pause(wait);
  appendFileSync(journal, `${String(id)} ${String(performance.timeOrigin + performance.now())}\n`);
  const end = performance.now() + ms;
  while (performance.now() < end);
}

export const task = app.task("work", work);
