/**
 * Revokes, heard of where they are kept. A worker tells of one when it meets the task, which may be days later for one that is delayed; here it
 * is known within a second, whoever revoked it, and what still waits is shown as revoked.
 */

import type { Clock } from "../clock/clock.ts";
import { FactWatch } from "../control/fact-watch.ts";
import { readRevocation, revokedKind } from "../control/facts.ts";
import type { Backend } from "../port/backend.ts";
import type { CeleryEvent } from "../wire/event.ts";

/** Before a broker that is away is tried again, ms. */
const again = 2_000;

export interface RevokesOptions {
  readonly clock: Clock;
  readonly connect: (signal: AbortSignal) => Promise<Backend>;
  readonly note: (events: readonly CeleryEvent[]) => void;
}

/** Until the signal aborts. Resolves at once where revokes are kept nowhere; never rejects. */
export async function followRevokes({ clock, connect, note }: RevokesOptions, signal: AbortSignal): Promise<void> {
  let backend: Backend | undefined;
  while (backend === undefined && !signal.aborted) {
    backend = await connect(signal).catch(() => undefined);
    if (backend === undefined) await clock.sleep(again, signal).catch(() => {}); // rejects with the end
  }
  const control = backend?.control;
  if (control === undefined || signal.aborted) return;
  // A state that does not answer is told of by the pages that need it.
  const watch = new FactWatch({ clock, control, failed: () => {} });
  watch.listen(revokedKind, (facts) => {
    note(facts.flatMap(({ key, value }) => (value === null ? [] : revokeEvent(key, readRevocation(value)?.at))));
  });
  const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await watch.start(signal).catch(() => {}); // rejects with the end
  if (!signal.aborted) await ended;
  await watch.stop();
}

/** As an event, so that it is kept among them. `at`: unix ms; without it there is none. */
export function revokeEvent(id: string, at: number | undefined): readonly CeleryEvent[] {
  if (at === undefined) return [];
  const where = { hostname: "celeriac-dashboard", utcoffset: 0, pid: process.pid, clock: 0 };
  return [{ type: "celeriac-revoked", timestamp: at / 1000, ...where, uuid: id }];
}
