/**
 * Next makes several of one module: one for `instrumentation.ts`, one for route handlers, another for pages, and under `next dev` one more after each
 * change. So pieces that are made once are there several times in a process, and each has the file of durable work open. Here they know of each
 * other: the one made last runs what is durable, with the code as it is now, and closing any of them closes all.
 */

import type { DurableQueue } from "./durable-queue.ts";

interface Copy {
  /** Of the same file in all of them. */
  readonly durable: DurableQueue | undefined;
  end(): Promise<void>;
}

/**
 * By what makes pieces the same. Module state, against the rule, for this module is the one thing that the copies share: Next loads the package from
 * node_modules, once a process. Apps that differ in name, broker or path do not meet.
 */
const copies = new Map<string, Set<Copy>>();

/** From now on `copy` is the newest. The answer ends all of the key's copies, however many there are by then; it rejects as the first that failed. */
export function joinCopies(key: string, copy: Copy): () => Promise<void> {
  const all = copies.get(key) ?? new Set();
  copies.set(key, all);
  if (copy.durable !== undefined) for (const earlier of all) earlier.durable?.retire(copy.durable);
  all.add(copy);
  return async () => {
    if (copies.get(key) === all) copies.delete(key);
    const ends = await Promise.allSettled([...all].map((each) => each.end()));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  };
}

/**
 * False in the processes in which Next only looks at modules: `next build` loads every route to see what it exports, `next dev` those with
 * parameters, each in a child that ends soon. Work that were begun there would be lost with it.
 */
export function servesRequests(): boolean {
  return (
    process.env["NEXT_PHASE"] !== "phase-production-build" &&
    !/[\\/]next[\\/]dist[\\/]compiled[\\/]jest-worker[\\/]/.test(process.argv[1] ?? "")
  );
}
