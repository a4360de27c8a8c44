/**
 * Has the run of the tick before ended? Its stored results say so. Where there is none, its message says that it has not, for as long as it
 * lies there; twice not found, it is gone (a purged queue). Where neither says anything (a Python worker that acknowledged early; a
 * workflow), it counts as running for as long as a result is kept.
 */

import type { AppCore } from "../app/core.ts";
import type { ResultNode } from "../canvas/result-node.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Backend } from "../port/backend.ts";
import type { Broker } from "../port/broker.ts";
import { isFinal } from "../wire/outcome.ts";
import { queueOf, type Sendable } from "./call.ts";

export interface FormerRun {
  readonly result: ResultNode;
  readonly tick: number;
  /** When its message was looked for last, server time. */
  lookedAt: number;
  /** So many times in a row it was not found. */
  absent: number;
}

/** Results that are asked for at once. */
const sliceSize = 500;
/** A look into a long queue is dear; ms. */
const searchEvery = 30_000;
/** One look may miss a message that is just being moved. */
const enoughLooks = 2;
/** A longer queue is not searched to its end. */
const searchable = 50_000;

/** Rejects with NOT_SUPPORTED where a result goes to its asker alone. */
export async function stillRuns(
  core: AppCore,
  { store, broker }: Backend,
  call: Sendable,
  run: FormerRun,
  now: number,
): Promise<boolean> {
  if (!store.features.manyReaders) {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      'overlap "skip" and "queue" need to see the end of a run, and results over rpc:// go to whoever asked; name a store with `results`',
    );
  }
  const states = await statesOf(store, [...idsOf(run.result)]);
  if (hasEnded(run.result, states)) return false;
  const definition = core.registry.get(call.signature.task);
  const queue = queueOf(call);
  // Only of our own workers is it known that they hold a message to its end.
  if (definition?.handler !== undefined && definition.ack === "late" && broker.features.browse === "all" && queue) {
    if (now >= run.lookedAt + searchEvery) {
      run.lookedAt = now;
      run.absent = (await mayLieIn(broker, queue, run.result.id)) ? 0 : run.absent + 1;
    }
    if (run.absent === 0) return true;
    if (run.absent >= enoughLooks) return false;
  }
  return now - run.tick <= core.config.resultTtl;
}

async function mayLieIn({ queues }: Broker, queue: string, id: string): Promise<boolean> {
  if ((await queues.find(queue, id)) !== undefined) return true;
  const state = (await queues.list()).find(({ name }) => name === queue);
  const ready = state?.ready.reduce((sum, { count }) => sum + count, 0) ?? 0;
  return Math.max(ready, state?.delayed ?? 0, state?.leased ?? 0) >= searchable;
}

function* idsOf(node: ResultNode): Iterable<string> {
  if (node.kind === "task") yield node.id;
  else for (const member of node.members) yield* idsOf(member);
  if (node.parent !== undefined) yield* idsOf(node.parent);
}

async function statesOf(store: Backend["store"], ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const states = new Map<string, string>();
  for (let at = 0; at < ids.length; at += sliceSize) {
    for (const outcome of await store.get(ids.slice(at, at + sliceSize)))
      if (outcome !== undefined) states.set(outcome.id, outcome.state);
  }
  return states;
}

/** A failed step ends a chain: what comes after it may have no result of its own. */
function hasEnded(node: ResultNode, states: ReadonlyMap<string, string>): boolean {
  if (node.parent !== undefined && hasFailed(node.parent, states)) return true;
  if (node.kind === "group") return node.members.every((member) => hasEnded(member, states));
  return isFinal(states.get(node.id) ?? "");
}

function hasFailed(node: ResultNode, states: ReadonlyMap<string, string>): boolean {
  if (node.parent !== undefined && hasFailed(node.parent, states)) return true;
  if (node.kind === "group") return hasEnded(node, states) && node.members.some((member) => hasFailed(member, states));
  return ["FAILURE", "REVOKED"].includes(states.get(node.id) ?? "");
}
