/**
 * Stopping, in order: stop claiming → let tasks run for the grace → tell them to stop → give back what is left. What was
 * interrupted goes back without losing an attempt. A second call, or `cold`, goes straight to the end.
 *
 *   running ──stop()──▶ draining ──grace over──▶ aborting ──▶ closing pool ──▶ giving back ──▶ closed
 */

import type { Clock } from "../clock/clock.ts";
import type { Consumer } from "../port/broker.ts";
import type { Pool } from "../pool/pool.ts";
import type { Admission } from "./admission.ts";
import type { Chords } from "./chords.ts";
import type { Flow } from "./flow.ts";
import type { Settler } from "./settler.ts";

/** Time for handlers to answer the abort signal before their children are killed, ms. */
const abortPatience = 1000;
/** Time for the last settlements to reach the broker, and for idle children to end, ms. */
const settlePatience = 5000;

export interface ShutdownParts {
  readonly clock: Clock;
  readonly flow: Flow;
  readonly pool: Pool;
  readonly settler: Settler;
  readonly consumer: Consumer;
  readonly chords: Chords;
  readonly admission: Admission;
}

export async function shutDown(parts: ShutdownParts, grace: number, hurry: AbortSignal): Promise<void> {
  const { clock, flow, pool, settler, consumer, chords, admission } = parts;
  flow.pause();
  pool.hurry();
  if (grace > 0) await within(clock, grace, hurry, (signal) => flow.quiet(signal));
  for (const execution of flow.slots.running.values()) {
    execution.interrupted ??= "shutdown";
    execution.abort.abort("shutdown");
  }
  await within(clock, abortPatience, hurry, (signal) => flow.quiet(signal));
  // Idle children end by themselves, with what the app does at its exit; what still runs has been told to stop and did not.
  await pool.close(hurry.aborted || flow.slots.running.size > 0 ? 0 : settlePatience);
  await within(clock, settlePatience, AbortSignal.any([]), async (signal) => {
    await settler.drained(signal);
    await chords.drained(signal);
    await admission.idle();
  });
  chords.close();
  settler.close();
  await consumer.stop();
}

/** Waits for `work`, at most `ms`, less if `hurry` aborts. */
async function within(
  clock: Clock,
  ms: number,
  hurry: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (hurry.aborted) return;
  const over = new AbortController();
  using _timer = clock.after(ms, () => over.abort());
  await work(AbortSignal.any([over.signal, hurry]));
}
