/** Handlers in child processes: the default. A crash, a loop or a leak costs one child and the calls in it, never the worker. */

import { childEnvironment } from "./child-environment.ts";
import { ChildPool } from "./child-pool.ts";
import type { PoolOptions } from "./pool-options.ts";
import type { Pool } from "./pool.ts";
import { hasDeathSignal, ProcessLink } from "./process-link.ts";

export function createProcessPool(options: PoolOptions): Pool {
  return new ChildPool(options, async () => {
    const deathSignal = await hasDeathSignal();
    const env = childEnvironment(options.env);
    const { memoryLimit, clock } = options;
    return (events) => new ProcessLink({ env, memoryLimit, clock, deathSignal }, events);
  });
}
