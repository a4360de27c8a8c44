/**
 * "Why does this queue stand?", for all queues at once and at a bounded price: workers are asked once, and of each queue the tasks that come
 * next are looked at, as one of them would be by `app.explain`. What they have in common is told once, with how many it holds.
 */

import type { AppCore } from "../../app/core.ts";
import type { Fact, Reason } from "../../app/reason.ts";
import type { Held, QueueState } from "../../port/queue-admin.ts";
import { Case } from "./case.ts";
import { queuedFacts } from "./queued.ts";
import { type Found, foundOf } from "./search.ts";
import { viewsOf, type WorkerView } from "./workers.ts";
import { reasonOf } from "./words.ts";

export interface QueueReasons {
  readonly queue: string;
  /** Tasks that were looked at; where messages cannot be looked at, all that are ready. */
  readonly looked: number;
  /** Those that hold most come first. Empty: they are being worked off. */
  readonly reasons: readonly { readonly reason: Reason; readonly task?: string; readonly count: number }[];
}

export interface Bounds {
  /** Queues, those with the oldest task first, then the longest. */
  readonly queues: number;
  /** Tasks of each. */
  readonly each: number;
}

interface Counted {
  readonly fact: Fact;
  readonly task: string | undefined;
  count: number;
}

/** Queues in which nothing is ready are left out. Rejects with the driver's coded error, or the signal's reason. */
export async function whyQueues(core: AppCore, bounds: Bounds, signal: AbortSignal): Promise<readonly QueueReasons[]> {
  const known = await Case.open(core, signal);
  const waiting = [...known.queues.values()]
    .filter((queue) => readyIn(queue) > 0)
    .toSorted((a, b) => (a.oldest ?? Infinity) - (b.oldest ?? Infinity) || readyIn(b) - readyIn(a))
    .slice(0, bounds.queues);
  if (waiting.length === 0) return [];
  const workers = viewsOf(await known.roll(signal));
  return Promise.all(waiting.map((queue) => reasonsOf(known, queue, workers, bounds.each)));
}

async function reasonsOf(
  known: Case,
  queue: QueueState,
  workers: ReadonlyMap<string, WorkerView>,
  each: number,
): Promise<QueueReasons> {
  const { name } = queue;
  const { broker } = known.backend;
  const shown =
    broker.features.browse === "none" ? undefined : await broker.queues.browse(name, "ready", undefined, each);
  const found = shown?.items.map((held) => foundOf(name, held)) ?? [unseen(queue, known.now)];
  const groups = new Map<string, Counted>();
  for (const one of found) {
    const { headers } = one;
    const { facts } = await queuedFacts(known, headers?.id ?? "", one, workers, undefined);
    // The first is the one to act on; that others come before it is no reason of the queue.
    const fact = facts.find(({ kind }) => kind !== "behind");
    if (fact === undefined) continue;
    const task = ofTask(fact) ? headers?.task : undefined;
    const key = `${fact.kind} ${task ?? ""}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { fact, task, count: 1 });
    else group.count++;
  }
  const looked = shown === undefined ? readyIn(queue) : found.length;
  const reasons = [...groups.values()]
    .toSorted((a, b) => b.count - a.count)
    .map(({ fact, task, count }) => ({
      reason: reasonOf(fact, known.now),
      ...(task !== undefined && { task }),
      count: shown === undefined ? looked : count,
    }));
  return { queue: name, looked, reasons };
}

/** Where nobody can look, what is true of any of its tasks. */
function unseen({ name, oldest }: QueueState, now: number): Found {
  const held: Held = { key: "", raw: new Uint8Array(), since: oldest ?? now, state: "ready" };
  return { queue: name, held, headers: undefined, message: undefined };
}

/** It holds tasks of one name alone. */
function ofTask({ kind }: Fact): boolean {
  return kind === "rate-limited" || kind === "no-worker-for-task";
}

function readyIn({ ready }: QueueState): number {
  return ready.reduce((sum, { count }) => sum + count, 0);
}
