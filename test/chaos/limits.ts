/** How long what must happen may take, from the lease and the pause between two sweeps that a run has. All in ms. */

import type { Setup } from "./stage.ts";

type Times = Pick<Setup, "lease" | "sweep">;

/** Within which what a dead worker held must be claimed again (G6). */
export function boundOf({ lease, sweep }: Times): number {
  return lease + sweep + 1000;
}

/** For which a fault may have its effect after it is over. */
export function shadowOf(times: Times): number {
  return boundOf(times) + 500;
}
