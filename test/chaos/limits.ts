/** How long what must happen may take, from the lease and the pause between two sweeps that a run has. All in ms. */

import type { Setup } from "./stage.ts";

type Times = Pick<Setup, "broker" | "lease" | "sweep">;

/** Until what was held is claimed again (G6), net of what else goes wrong: half of all, 99 of 100, all of them; and after a child's death 99 of 100. */
export interface RecoveryLimits {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
  readonly child: number;
}

/** A worker hears of the death of its child, so no lease has to run out. */
const child = 1000;

export function recoveryLimits({ broker, lease, sweep }: Times): RecoveryLimits {
  const longest = lease + sweep;
  const p99 = longest + 1000;
  // RabbitMQ gives what is put back to whoever comes next, and takes it from one that is gone when it misses its heartbeats.
  return { median: longest, p99, most: 2 * longest, child: broker === "rabbitmq" ? p99 : child };
}

/** Without a wedge, net of outages: how long nothing may go on that could, and how soon after the last fault all must be done. */
export interface ProgressLimits {
  readonly stall: number;
  readonly drain: number;
}

/** What was sent before the last fault is worked off, and crashes come one after the other. */
const drain = 30_000;

export function progressLimits(times: Times): ProgressLimits {
  return { stall: recoveryLimits(times).p99, drain: times.lease + drain };
}

/** For which a fault may have its effect after it is over. */
export function shadowOf(times: Times): number {
  return recoveryLimits(times).p99 + 500;
}
