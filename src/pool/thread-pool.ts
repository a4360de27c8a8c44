/**
 * Handlers in threads of this process: cheaper than processes, and a loop or a full heap costs one thread. Not contained: native
 * crashes, `process.kill`, memory outside of the heap, and native calls that block (they end when they end).
 */

import { childEnvironment } from "./child-environment.ts";
import { ChildPool } from "./child-pool.ts";
import type { PoolOptions } from "./pool-options.ts";
import type { Pool } from "./pool.ts";
import { ThreadLink } from "./thread-link.ts";

export function createThreadPool(options: PoolOptions): Pool {
  return new ChildPool(options, async () => {
    const env = childEnvironment(options.env);
    const { memoryLimit, clock } = options;
    return (events) => new ThreadLink({ env, memoryLimit, clock }, events);
  });
}
